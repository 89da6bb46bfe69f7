import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { StreamTicket } from '@runspine/contracts';
import { setTimeout as pause } from 'node:timers/promises';
import { type RunningGateway, runGateway, untilReady } from '../running-gateway.fixture.js';
import type { HandProjector } from './hand-projector.fixture.js';
import { StreamReader } from './stream-reader.fixture.js';
import { StreamingGateway, upTo } from './streaming-gateway.fixture.js';

// Real: gateway, Kafka, PostgreSQL. Not real: the projector; the test commits and tells events in its place.
let streaming: StreamingGateway;
let gateway: RunningGateway;
let projector: HandProjector;

beforeAll(async () => {
  streaming = await StreamingGateway.start(process.env, {
    RUNSPINE_STREAM_COMMENT_MS: '200',
    RUNSPINE_STREAM_BUFFER_BYTES: '262144',
  });
  ({ gateway, projector } = streaming);
});
afterEach(() => streaming.leave());
afterAll(() => streaming.remove());

const open = (path: string, headers?: Record<string, string>) => streaming.open(path, headers);
const roomWith = (events: number) => streaming.roomWith(events);

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${gateway.address}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

describe('a reader', () => {
  it('is cut off when it does not read, holds up nobody, and goes on where it was', async () => {
    const { run, path } = await roomWith(1);
    const [slow, quick] = [await open(`${path}?after=0`), await open(`${path}?after=0`)];
    await Promise.all([slow.until(1), quick.until(1)]);
    slow.response.pause();
    for (let i = 0; i < 60; i++)
      await projector.apply(run, 'run.annotated', { metadata: { text: 'x'.repeat(200_000) } });
    await quick.until(61);
    expect(await metric('runspine_streams_closed_total{how="slow"')).toBe(1);
    slow.response.resume();
    await slow.until(() => slow.closed);
    expect(slow.ids.length).toBeLessThan(61);

    const again = await open(path, { 'last-event-id': String(slow.ids.at(-1)) });
    await again.until(61 - slow.ids.length);
    expect([...slow.ids, ...again.ids]).toEqual(upTo(61));
  });

  it('that reads old events slowly is waited for', async () => {
    const { run, path } = await roomWith(1);
    for (let i = 0; i < 60; i++)
      await projector.commit(run, 'run.annotated', { metadata: { text: 'x'.repeat(200_000) } });
    const reader = await open(`${path}?after=0`);
    reader.response.pause();
    await pause(500);
    reader.response.resume();
    await reader.until(61);
    expect(reader.ids).toEqual(upTo(61));
  });

  it('leaves nothing behind', async () => {
    const { path } = await roomWith(1);
    const opened = await Promise.all(Array.from({ length: 10 }, () => open(path)));
    expect(await metric('runspine_streams_open')).toBe(10);
    for (const reader of opened) reader.leave();

    for (let tries = 0; tries < 50 && (await metric('runspine_streams_open')) > 0; tries++) await pause(20);
    expect(await metric('runspine_streams_open')).toBe(0);
  });

  it('asks with HEAD and is not held', async () => {
    const { path } = await roomWith(1);
    const answer = await fetch(`${gateway.address}/v1/${path}`, { method: 'HEAD' });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect(await answer.text()).toBe('');
  });
});

describe('a ticket', () => {
  async function ticketFor(body: object, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${gateway.address}/v1/streams/tickets`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  it('opens its stream, and no other, for whoever brings it', async () => {
    const { roomId, path } = await roomWith(0);
    const run = projector.run(roomId, 'ticketed');
    await projector.commit(run, 'run.created');
    const answer = await ticketFor({ room_id: roomId }, { 'x-tenant-id': 'ticketed' });
    const { ticket, expires_at } = (await answer.json()) as StreamTicket;

    expect(answer.status).toBe(201);
    expect(Date.parse(expires_at) - Date.now()).toBeGreaterThan(50_000);
    const reader = await open(`${path}?after=0&ticket=${ticket}`, { 'x-tenant-id': 'other', 'x-roles': '' });
    await reader.until(1);
    expect(reader.events[0]!.data.tenant_id).toBe('ticketed');
    for (const foreign of [`streams/rooms/else?ticket=${ticket}`, `${path}?ticket=${ticket}x`, `${path}?ticket=x.y`]) {
      const refused = await open(foreign);
      expect([refused.status, (await refused.body()).error.code]).toEqual([401, 'auth.ticket_invalid']);
    }
  });

  it('is given to readers only, for one room or one run that is theirs', async () => {
    const run = projector.run(undefined, 'other');
    await projector.commit(run, 'run.created');

    expect((await ticketFor({ run_id: run.id }, { 'x-tenant-id': 'other' })).status).toBe(201);
    expect((await ticketFor({ run_id: run.id })).status).toBe(404);
    expect((await ticketFor({ room_id: 'a' }, { 'x-roles': 'writer' })).status).toBe(403);
    for (const body of [{}, { room_id: 'a', run_id: run.id }, { room_id: 'A' }, { room_id: 1 }, { room: 'a' }, []]) {
      expect((await ticketFor(body)).status).toBe(400);
    }
  });
});

describe('a gateway', () => {
  it('holds a bounded number of streams, and ends them as it drains', async () => {
    const small = await runGateway(process.env, { RUNSPINE_STREAMS_MAX: '2' });
    try {
      await untilReady(small);
      const url = `${small.address}/v1/streams/rooms/any`;
      const [first, second, third] = [
        await StreamReader.open(url),
        await StreamReader.open(url),
        await StreamReader.open(url),
      ];
      expect([first.status, second.status, third.status]).toEqual([200, 200, 503]);
      expect((await third.body()).error.code).toBe('stream.too_many');
      first.leave();
      await pause(100);
      const fourth = await StreamReader.open(url);
      expect(fourth.status).toBe(200);

      await small.drain();
      await Promise.all([second.until(() => second.closed, 1000), fourth.until(() => fourth.closed, 1000)]);
    } finally {
      await small.remove();
    }
  });
});
