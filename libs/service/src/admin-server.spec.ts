import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type AdminServer, startAdminServer } from './admin-server.js';
import { Health } from './health.js';
import { createLogger } from './logging.js';
import { Metrics } from './metrics.js';

const lines: string[] = [];
const logger = createLogger(
  'test',
  { logLevel: 'info', instance: 'here' },
  { destination: { write: (l) => lines.push(l) } },
);
const health = new Health();
const metrics = new Metrics('test', false);
let server: AdminServer;

beforeAll(async () => {
  server = await startAdminServer({ host: '127.0.0.1', port: 0, health, metrics, logger });
});
afterAll(() => server.close());

it('listens on a free port and says where', () => {
  expect(server.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(JSON.parse(lines[0]!)).toMatchObject({ msg: 'listening', address: server.address });
});

it('answers health, 503 when unready', async () => {
  expect(await (await fetch(`${server.address}/health/live`)).json()).toEqual({ status: 'ok' });
  expect((await fetch(`${server.address}/health/ready`)).status).toBe(200);

  health.add('kafka', () => ({ ok: false, detail: 'away' }));
  const unready = await fetch(`${server.address}/health/ready?verbose`);

  expect(unready.status).toBe(503);
  expect(await unready.json()).toEqual({ status: 'unready', checks: { kafka: { ok: false, detail: 'away' } } });
});

it('answers metrics in the text format, labelled with the service', async () => {
  metrics.counter({ name: 'runspine_things_total', help: 'Things.' }).inc(2);
  const answer = await fetch(`${server.address}/metrics`);

  expect(answer.headers.get('content-type')).toContain('text/plain');
  expect(await answer.text()).toContain('runspine_things_total{service="test"} 2');
});

it('answers anything else in the shape of every error', async () => {
  const missing = await fetch(`${server.address}/nothing`);
  const posted = await fetch(`${server.address}/metrics`, { method: 'POST', body: 'x' });

  expect(missing.status).toBe(404);
  expect(await missing.json()).toMatchObject({ error: { code: 'request.not_found', retryable: false, details: {} } });
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});

it('fails when its port is taken', async () => {
  const port = Number(new URL(server.address).port);

  await expect(startAdminServer({ host: '127.0.0.1', port, health, metrics, logger })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
});
