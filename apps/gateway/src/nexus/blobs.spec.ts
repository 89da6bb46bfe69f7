import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseBlobUri } from '@runspine/blobs';
import { type RunningGateway, runGateway, untilReady } from '../running-gateway.fixture.js';

// Real: PostgreSQL, the gateway, a local folder.
const MIB = 1024 * 1024;
const BLOB_BYTES = 64 * MIB;
let gateway: RunningGateway;
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'runspine-blobs-'));
  gateway = await runGateway(process.env, {
    RUNSPINE_ROUTE_FILE_ROOTS: root,
    RUNSPINE_BLOB_BYTES: String(BLOB_BYTES),
    RUNSPINE_UPLOADS_MAX: '2',
  });
  await untilReady(gateway);
  const route = { kind: 'nexus_blob_store', tenant_id: '*', env: '*', project_id: '*', uri: `file://${root}` };
  const off = { ...route, tenant_id: 'nowhere', uri: null };
  for (const body of [route, off]) {
    const headers = { 'x-roles': 'system', 'content-type': 'application/json' };
    await fetch(`${gateway.address}/nexus/routes`, { method: 'PUT', headers, body: JSON.stringify(body) });
  }
});

afterAll(async () => {
  await gateway.remove();
  await rm(root, { recursive: true, force: true });
});

const post = (body: Buffer | ReadableStream | undefined, headers: Record<string, string> = {}) =>
  fetch(`${gateway.address}/nexus/blobs`, {
    method: 'POST',
    headers,
    ...(body && { body: body as ReadableStream, duplex: 'half' }),
  });
const codeOf = async (answer: Response) => ((await answer.json()) as { error: { code: string } }).error.code;
const files = async () => (await readdir(root, { recursive: true })).filter((name) => /blob_|\.part/.test(name));

/** A body that is sent in pieces, and stays open after the last unless `whole`. */
function upload(
  pieces: number,
  { headers = {}, whole = false }: { headers?: Record<string, string>; whole?: boolean } = {},
) {
  const sent = { bytes: 0 };
  const { promise, resolve } = Promise.withResolvers<{ status: number | undefined; text: string }>();
  const client = request(`${gateway.address}/nexus/blobs`, { method: 'POST', headers }, (answer) => {
    let text = '';
    answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
    answer.on('end', () => resolve({ status: answer.statusCode, text }));
    answer.on('error', () => resolve({ status: answer.statusCode, text }));
  });
  client.on('error', () => resolve({ status: undefined, text: '' }));
  const piece = Buffer.alloc(MIB, 'x');
  const write = () => {
    while (sent.bytes < pieces * MIB && !client.destroyed) {
      sent.bytes += MIB;
      if (!client.write(piece)) return void client.once('drain', write);
    }
    if (whole) client.end();
  };
  write();
  return { client, sent, answer: promise };
}

describe('POST /nexus/blobs', () => {
  it.each(['application/octet-stream', 'application/json', 'text/plain', 'application/x-www-form-urlencoded', ''])(
    'stores the bytes as they are, sent as %j',
    async (type) => {
      const bytes = type === 'application/json' ? Buffer.from('{"not": "parsed",}') : randomBytes(100_000);
      const answer = await post(bytes, type === '' ? {} : { 'content-type': type });

      expect(answer.status).toBe(201);
      const { blob_uri, ...rest } = (await answer.json()) as { blob_uri: string };
      expect(rest).toEqual({ bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
      expect(blob_uri).toMatch(/^blob:\/\/blob_[0-9a-f]{48}$/);
      const stored = await readFile(join(root, 'default/default/default/_blobs', parseBlobUri(blob_uri)));
      expect(stored.equals(bytes)).toBe(true);
    },
  );

  it('stores inside the place of the caller, whatever the caller says elsewhere', async () => {
    const headers = { 'x-tenant-id': 'acme', 'x-env': 'prod', 'x-project-id': 'p1' };
    const answer = await fetch(`${gateway.address}/nexus/blobs?key=../../umbrella/x&tenant_id=umbrella`, {
      method: 'POST',
      headers,
      body: 'x',
    });
    const { blob_uri } = (await answer.json()) as { blob_uri: string };

    expect(await files()).toContain(join('acme/prod/p1/_blobs', parseBlobUri(blob_uri)));
    expect((await files()).filter((name) => name.startsWith('umbrella'))).toEqual([]);
  });

  it('passes 48 MiB on without holding them', async () => {
    const before = process.memoryUsage.rss();
    const { answer } = upload(48, { whole: true });

    expect(JSON.parse((await answer).text)).toMatchObject({ bytes: 48 * MIB });
    expect(process.memoryUsage.rss() - before).toBeLessThan(150 * MIB);
  });

  it('refuses a length over the limit at once, and cuts a stream of 300 MiB off at it', async () => {
    const before = await files();
    const known = upload(1, { headers: { 'content-length': String(300 * MIB) } });
    expect(await known.answer).toMatchObject({ status: 413, text: expect.stringContaining('nexus.blob_too_large') });
    known.client.destroy();

    const unknown = upload(300);
    const { status } = await unknown.answer;
    expect([413, undefined]).toContain(status);
    unknown.client.destroy();
    expect(unknown.sent.bytes).toBeLessThan(BLOB_BYTES + 32 * MIB);
    await untilEqual(files, before);
  });

  it('keeps nothing of an upload that the caller gives up, and is there for the next', async () => {
    const before = await files();
    for (let attempt = 0; attempt < 3; attempt++) {
      const { client } = upload(8);
      await new Promise((resolve) => setTimeout(resolve, 100));
      client.destroy();
    }
    await untilEqual(files, before);
    expect((await post(Buffer.from('x'))).status).toBe(201);
  });

  it('takes so many at once, and no more', async () => {
    const open = [upload(1), upload(1)];
    await new Promise((resolve) => setTimeout(resolve, 200));
    const answer = await post(Buffer.from('x'));

    expect([answer.status, await codeOf(answer)]).toEqual([503, 'nexus_blob_store.overloaded']);
    for (const { client } of open) client.end();
    for (const one of open) expect((await one.answer).status).toBe(201);
  });

  it('needs bytes, the role ingester and a route', async () => {
    const empty = await post(undefined);
    expect([empty.status, await codeOf(empty)]).toEqual([400, 'request.invalid']);
    const reader = await post(Buffer.from('x'), { 'x-roles': 'reader' });
    expect([reader.status, await codeOf(reader)]).toEqual([403, 'auth.forbidden']);
    const nowhere = await post(Buffer.from('x'), { 'x-tenant-id': 'nowhere' });
    expect([nowhere.status, await codeOf(nowhere)]).toEqual([503, 'nexus_blob_store.missing_route']);
  });

  it('leaves other routes as they are: bytes are no JSON there', async () => {
    const answer = await fetch(`${gateway.address}/v1/runs`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: '{}',
    });
    expect([answer.status, await codeOf(answer)]).toEqual([415, 'request.unsupported_media_type']);
  });
});

async function untilEqual<T>(read: () => Promise<T>, wanted: T): Promise<void> {
  for (let looks = 0; looks < 60; looks++) {
    if (JSON.stringify(await read()) === JSON.stringify(wanted)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(await read()).toEqual(wanted);
}
