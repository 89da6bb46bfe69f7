import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { type RunningGateway, runGateway, untilReady } from '../running-gateway.fixture.js';

/** What no HTTP library sends, byte for byte. */
describe('bytes on a connection to a running gateway (real Kafka and PostgreSQL, no projector)', () => {
  let gateway: RunningGateway;

  beforeAll(async () => {
    gateway = await runGateway(process.env, { RUNSPINE_WAIT_MS: '100' });
    await untilReady(gateway);
  });
  afterAll(() => gateway.remove());

  /** All that a connection brings, after these bytes. */
  const answerTo = (bytes: string) =>
    new Promise<string>((resolve, reject) => {
      const { hostname, port } = new URL(gateway.address);
      let received = '';
      const socket = connect(Number(port), hostname, () => socket.write(bytes));
      socket.on('data', (more) => (received += more.toString()));
      socket.on('close', () => resolve(received));
      socket.on('error', reject);
    });

  it('answers what is not HTTP in its own shape', async () => {
    const text = await answerTo('NOT HTTP AT ALL\r\n\r\n');

    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toMatchObject({ error: { code: 'request.malformed' } });
  });

  it.each(['/v1/runs', '/nexus/blobs', '/nowhere'])('refuses what nobody can expect of %s in words', async (path) => {
    const text = await answerTo(
      `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: tea\r\nX-Request-Id: mine\r\nConnection: close\r\n` +
        'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
    );

    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toEqual({
      error: {
        code: 'request.invalid',
        message: 'Expect may be 100-continue only',
        retryable: false,
        details: { faults: [{ path: 'Expect', message: 'may be 100-continue only' }] },
        request_id: 'mine',
      },
    });
  });

  it('lets a caller who expects 100-continue go on', async () => {
    const text = await answerTo(
      'POST /v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-Continue\r\nPrefer: respond-async\r\nConnection: close\r\n' +
        'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
    );

    expect(text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 202 /);
  });
});
