import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { request as rawRequest } from 'node:http';
import { type RunningGateway, runGateway } from '../running-gateway.fixture.js';
import { ANSWER, AskedGateway, codeOf, until } from './asked-gateway.fixture.js';
import type { NexusStandIn } from './nexus-stand-in.fixture.js';

let running: AskedGateway;
let nexus: NexusStandIn;
let gateway: RunningGateway;
const query: AskedGateway['query'] = (...sent) => running.query(...sent);

beforeAll(async () => {
  running = await AskedGateway.start(process.env);
  ({ nexus, gateway } = running);
});
afterAll(() => running.stop());
beforeEach(() => running.reset());

describe('nexus', () => {
  it('that is slow is given up: 503, and it is told', async () => {
    nexus.answer = () => undefined;
    const answer = await query({ query: 'x' });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await codeOf(answer)).toMatchObject({ code: 'nexus.unavailable', request_id: expect.any(String) });
    await until(() => nexus.abandoned === 1);
  });

  it('that stops in the middle of its answer is unavailable, too', async () => {
    nexus.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{');
      setTimeout(() => response.destroy(), 20);
    };
    expect((await codeOf(await query({ query: 'x' }))).code).toBe('nexus.unavailable');
  });

  it('that closed a kept connection is asked again over another one', async () => {
    let first = true;
    nexus.answer = (_request, response) => {
      if (!first) return nexus.json(response, 200, ANSWER);
      first = false;
      response.socket!.destroy();
    };
    expect((await query({ query: 'x' })).status).toBe(200);
    expect(nexus.received).toHaveLength(2);
  });

  it('is told when the caller leaves', async () => {
    nexus.answer = () => undefined;
    const { hostname, port } = new URL(gateway.address);
    const headers = { 'content-type': 'application/json' };
    const leaving = rawRequest({ hostname, port, path: '/nexus/spaces/handbook/query', method: 'POST', headers });
    leaving.on('error', () => undefined);
    leaving.end('{"query":"x"}');
    await until(() => nexus.received.length === 1);
    leaving.destroy();
    await until(() => nexus.abandoned === 1, 500);
  });

  it('is asked over connections that are kept, no more than are set', async () => {
    await Promise.all(Array.from({ length: 20 }, () => query({ query: 'x' })));
    const before = nexus.connections;
    const asked = nexus.received.length;
    for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 20 }, () => query({ query: 'x' })));
    expect(nexus.received.length - asked).toBe(100);
    expect(nexus.connections - before).toBeLessThanOrEqual(8);
  });

  it('is sent no more at once than is set: the rest is answered at once', async () => {
    const open: (() => void)[] = [];
    nexus.answer = (_request, response) => void open.push(() => nexus.json(response, 200, ANSWER));
    let answered = 0;
    const asked = Array.from({ length: 40 }, () => query({ query: 'x' }).finally(() => (answered += 1)));
    const refused = await Promise.race(asked);
    await until(() => answered === 10, 500);
    expect([refused.status, (await codeOf(refused)).code]).toEqual([503, 'nexus.unavailable']);
    nexus.answer = (_request, response) => nexus.json(response, 200, ANSWER);
    for (const release of open) release();
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(30);
  });

  it('that is away is unavailable at once', async () => {
    const away = await runGateway(process.env, { RUNSPINE_NEXUS_URL: 'http://127.0.0.1:1' });
    try {
      const answer = await fetch(`${away.address}/nexus/spaces`);
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
      expect((await codeOf(answer)).code).toBe('nexus.unavailable');
    } finally {
      await away.remove();
    }
  });
});
