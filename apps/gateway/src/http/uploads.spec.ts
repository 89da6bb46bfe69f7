import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { INGEST_BODY_BYTES_MAX } from '@runspine/contracts';
import { type RunningGateway, runGateway, untilReady } from '../running-gateway.fixture.js';

// Real: the gateway, PostgreSQL, Kafka, a local folder, sockets. Times are a fraction of the defaults.

const ARRIVAL_MS = 800;
const WINDOW_MS = 600;
const BYTES_PER_S = 1000;
/** How long an answer may take once all was sent; it waits for Kafka. */
const ANSWER_MS_MAX = 20_000;
let gateway: RunningGateway;
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'runspine-uploads-'));
  gateway = await runGateway(process.env, {
    RUNSPINE_ROUTE_FILE_ROOTS: root,
    RUNSPINE_ARRIVAL_MS: String(ARRIVAL_MS),
    RUNSPINE_UPLOAD_BYTES_PER_S: String(BYTES_PER_S),
    RUNSPINE_UPLOAD_WINDOW_MS: String(WINDOW_MS),
    RUNSPINE_UPLOADS_MAX: '3',
  });
  await untilReady(gateway);
  const route = { kind: 'nexus_blob_store', tenant_id: '*', env: '*', project_id: '*', uri: `file://${root}` };
  const headers = { 'x-roles': 'system', 'content-type': 'application/json' };
  await fetch(`${gateway.address}/nexus/routes`, { method: 'PUT', headers, body: JSON.stringify(route) });
});

afterAll(async () => {
  await gateway.remove();
  await rm(root, { recursive: true, force: true });
});

const BLOBS = 'POST /nexus/blobs';
const INGEST = 'POST /nexus/spaces/slow/ingest';
const document = (length: number) => {
  const empty = JSON.stringify({ documents: [{ document_id: 'a', text: '' }] });
  return empty.replace('""', `"${'x'.repeat(length - empty.length)}"`);
};

/**
 * A request over a socket of its own, in so many pieces with a pause after each. A piece that is late, since this process
 * stood still, does not delay those after it: what counts here is the rate.
 */
async function send(line: string, body: string, pieces: number, pauseMs: number) {
  const { hostname, port } = new URL(gateway.address);
  const socket: Socket = connect(Number(port), hostname);
  const began = Date.now();
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => void socket.on('close', () => resolve()));
  const answered = new Promise<void>((resolve) => void socket.on('data', () => resolve()));
  socket.write(
    `${line} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
  );
  const length = Math.ceil(body.length / pieces);
  let due = began;
  for (let from = 0; from < body.length && !socket.destroyed && answer === ''; from += length) {
    socket.write(body.slice(from, from + length));
    due += pauseMs;
    const early = due - Date.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
  }
  const late = setTimeout(() => socket.destroy(), ANSWER_MS_MAX);
  await Promise.race([answered, closed]);
  clearTimeout(late);
  const ms = Date.now() - began;
  const [head = '', text = '{}'] = answer.split('\r\n\r\n');
  return { status: Number(/^HTTP\/1.1 (\d+)/.exec(head)?.[1]), text, ms, socket, closed };
}

describe('uploads', () => {
  it.each([
    [BLOBS, 201],
    [INGEST, 202],
  ])('%s may take longer than other requests, as long as it keeps coming', async (line, status) => {
    const sent = await send(line, document(8000), 30, 100);
    sent.socket.destroy();

    expect(sent.ms).toBeGreaterThan(2 * ARRIVAL_MS);
    expect(sent.status).toBe(status);
  });

  it.each([
    ['a byte now and then', BLOBS, 40],
    ['a byte now and then', INGEST, 40],
    ['nothing more', BLOBS, 1],
    ['nothing more', INGEST, 1],
  ])('that bring %s are cut off: %s', async (_, line, pieces) => {
    const { hostname, port } = new URL(gateway.address);
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => void socket.on('close', () => resolve()));
    socket.write(
      `${line} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n`,
    );
    const trickle = setInterval(() => socket.write(' '), pieces === 1 ? 60_000 : 100);
    const began = Date.now();
    await closed;
    clearInterval(trickle);

    expect(answer).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/);
    expect(answer).toContain('"request.timeout"');
    // A window, and the time to read the answer: the connection goes even where the caller goes on.
    expect(Date.now() - began).toBeLessThan(WINDOW_MS + 3000);
  });

  it('are the only requests that may: another of the same speed is answered 408', async () => {
    const sent = await send('POST /v1/runs', JSON.stringify({ name: 'x'.repeat(8000) }), 30, 100);
    await sent.closed;

    expect(sent.status).toBe(408);
  });

  it('past that time are no more than the setting says', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => send(INGEST, document(8000), 30, 100)));
    for (const { socket } of all) socket.destroy();

    expect(all.map(({ status }) => status).sort()).toEqual([202, 202, 202, 408, 408]);
  });

  it('leave the connection as it was for the next request', async () => {
    const sent = await send(INGEST, document(8000), 30, 100);
    expect(sent.status).toBe(202);
    const next = new Promise<string>((resolve) => sent.socket.once('data', (chunk) => resolve(chunk.toString())));
    sent.socket.write('GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n');
    expect(await next).toMatch(/^HTTP\/1.1 200/);
    const late = new Promise<string>((resolve) => sent.socket.once('data', (chunk) => resolve(chunk.toString())));
    sent.socket.write(
      'POST /v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n',
    );
    expect(await late).toMatch(/^HTTP\/1.1 408/);
    sent.socket.destroy();
  });
});

describe('a body over the limit', () => {
  const LENGTH = INGEST_BODY_BYTES_MAX + 1024 * 1024;
  /** With the default times: so many bytes take a busy machine longer than the others may. */
  let patient: RunningGateway;

  beforeAll(async () => {
    patient = await runGateway(process.env);
    await untilReady(patient);
  });
  afterAll(() => patient.remove());

  /** Sends a head that names more than may come; what is answered, and the socket to go on with. */
  async function refused(line: string, { address }: RunningGateway) {
    const { hostname, port } = new URL(address);
    const socket = connect(Number(port), hostname);
    const got = { text: '', closed: false };
    socket.on('data', (chunk: Buffer) => (got.text += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => (got.closed = true));
    const head = 'host: localhost\r\ncontent-type: application/json\r\n';
    socket.write(`${line} HTTP/1.1\r\n${head}content-length: ${LENGTH}\r\n\r\n`);
    const until = async (wanted: () => boolean) => {
      for (let wait = 0; !wanted() && wait < 1000; wait++) await new Promise((resolve) => setTimeout(resolve, 10));
      return got;
    };
    await until(() => got.text.includes('request.too_large'));
    return { socket, got, until };
  }

  it.each([INGEST, 'POST /v1/runs'])(
    'of %s is refused before it came, and the caller may send on to read it',
    async (line) => {
      const { socket, got, until } = await refused(line, patient);
      expect(got.text).toMatch(/^HTTP\/1.1 413 /);
      expect(got.text).not.toMatch(/connection: close/i);

      socket.write(Buffer.alloc(LENGTH, 'x'));
      socket.write('GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n');
      expect((await until(() => got.text.includes('HTTP/1.1 200 '))).text).toContain('HTTP/1.1 200 ');
      expect(got.closed).toBe(false);
      socket.destroy();
    },
  );

  it('holds a connection no longer than a request has to arrive, however fast it goes on', async () => {
    const { socket, got, until } = await refused(INGEST, gateway);
    const goOn = setInterval(() => socket.write(Buffer.alloc(2 * BYTES_PER_S, 'x')), 100);
    await until(() => got.closed);
    clearInterval(goOn);

    expect(got.closed).toBe(true);
    socket.destroy();
  });
});
