import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { newRunId, type RecordedEvent } from '@runspine/contracts';
import { setTimeout as pause } from 'node:timers/promises';
import type { HandProjector } from './hand-projector.fixture.js';
import type { StreamReader } from './stream-reader.fixture.js';
import { StreamingGateway, upTo } from './streaming-gateway.fixture.js';

// Real: gateway, Kafka, PostgreSQL. Not real: the projector; the test commits and tells events in its place.
let streaming: StreamingGateway;
let projector: HandProjector;

beforeAll(async () => {
  streaming = await StreamingGateway.start(process.env, {
    RUNSPINE_STREAM_COMMENT_MS: '200',
    RUNSPINE_STREAM_LOOK_MS: '3000',
  });
  ({ projector } = streaming);
});
afterEach(() => streaming.leave());
afterAll(() => streaming.remove());

const open = (path: string, headers?: Record<string, string>) => streaming.open(path, headers);
const roomWith = (events: number) => streaming.roomWith(events);

describe('a room', () => {
  it('is sent from the beginning, from a position, or from now, each event once and in order', async () => {
    const { run, path } = await roomWith(5);
    const [all, some, fresh] = [await open(`${path}?after=0`), await open(`${path}?after=3`), await open(path)];
    const resumed = await open(`${path}?after=0`, { 'last-event-id': '4' });
    for (let i = 0; i < 4; i++) await projector.apply(run, 'run.annotated');

    // Sooner than the look into PostgreSQL: the feed brought them.
    await Promise.all([all, some, fresh, resumed].map((reader, index) => reader.until([9, 6, 4, 5][index]!, 1500)));
    await pause(100);
    expect(all.ids).toEqual(upTo(9));
    expect(some.ids).toEqual(upTo(9, 3));
    expect(fresh.ids).toEqual(upTo(9, 5));
    expect(resumed.ids).toEqual(upTo(9, 4));
  });

  it('has the same text for an event from the feed as from the journal', async () => {
    const { run, path } = await roomWith(1);
    const live = await open(path);
    await projector.apply(run, 'run.annotated', { metadata: { '10': 'ü\u2028', '9': [1e21, -0.5], a: 'line\nbreak' } });
    await live.until(1);
    const old = await open(`${path}?after=1`);
    await old.until(1);

    expect(JSON.stringify(old.events)).toBe(JSON.stringify(live.events));
    expect(live.events[0]).toMatchObject({
      id: 2,
      event: 'run.annotated',
      data: { room_sequence: 2, run_sequence: 2 },
    });
  });

  it('is an open, empty stream before its first event, and says at once that it is open and that it is alive', async () => {
    const { run, path } = await roomWith(0);
    const reader = await open(path);

    expect(reader.status).toBe(200);
    expect(reader.headers).toMatchObject({ 'content-type': 'text/event-stream; charset=utf-8' });
    await reader.until(() => reader.comments.includes(': alive'));
    expect(reader.comments[0]).toBe('retry: 1000');
    await projector.apply(run, 'run.created');
    await reader.until(1);
    expect(reader.ids).toEqual([1]);
  });

  it('is put in order where the feed tells its runs apart, tells twice, or late', async () => {
    const { roomId, run, path } = await roomWith(1);
    const other = projector.run(roomId);
    const reader = await open(`${path}?after=0`);
    const [a, b, c, d] = [
      await projector.commit(other, 'run.created'),
      await projector.commit(run, 'run.started'),
      await projector.commit(other, 'run.started'),
      await projector.commit(run, 'run.annotated'),
    ];
    await projector.tell(b, d);
    await projector.tell(a, c);
    await projector.tell(a, b, c, d);
    const e = await projector.apply(run, 'run.annotated');
    await projector.tell(b);

    await reader.until(6, 1500);
    await pause(100);
    expect(reader.ids).toEqual(upTo(6));
    expect(reader.events.map(({ data }) => data.event_id)).toEqual([
      expect.any(String),
      ...[a, b, c, d, e].map((event) => event.event_id),
    ]);
  });

  it('misses nothing that the feed lost: in the middle by the gap, at the end by the look into PostgreSQL', async () => {
    const { run, path } = await roomWith(1);
    const reader = await open(path);
    for (let i = 0; i < 3; i++) await projector.commit(run, 'run.annotated');
    await projector.apply(run, 'run.annotated');
    await reader.until(4, 1500);
    await projector.commit(run, 'run.annotated');
    await projector.commit(run, 'run.annotated');
    await reader.until(6, 5000);

    expect(reader.ids).toEqual(upTo(7, 1));
  });

  it('resumes at every position exactly once while writes go on and the feed loses, doubles and swaps records', async () => {
    const { run, path } = await roomWith(1);
    const last = 160;
    const opened: { after: number; reader: StreamReader }[] = [];
    const opening: Promise<unknown>[] = [];
    const resume = async (after: number) =>
      opened.push({ after, reader: await open(path, { 'last-event-id': String(after) }) });
    let held: RecordedEvent | undefined;
    for (let sequence = 2; sequence <= last; sequence++) {
      const metadata = { at: 'x'.repeat((sequence * 371) % 9000) };
      const event = await projector.commit(run, 'run.annotated', { metadata });
      const chance = sequence % 11;
      if (chance === 5) held = event;
      else if (chance !== 3) await projector.tell(...(chance === 7 && held ? [event, held, event] : [event]));
      // One that is just behind, and one so far behind that only the journal has what it wants.
      opening.push(resume(sequence - 2), resume(Math.floor(sequence / 9)));
    }
    await Promise.all(opening);

    expect(new Set(opened.map(({ after }) => after)).size).toBe(last - 1);
    for (const { after, reader } of opened) {
      await reader.until(last - after, 20_000);
      expect(reader.ids).toEqual(upTo(last, after));
    }
  });

  it('stays with its tenant and env', async () => {
    const { run, roomId, path } = await roomWith(2);
    const theirs = projector.run(roomId, 'other');
    const [other, prod] = [
      await open(`${path}?after=0`, { 'x-tenant-id': 'other' }),
      await open(`${path}?after=0`, { 'x-env': 'prod' }),
    ];
    await projector.apply(run, 'run.annotated');
    await projector.apply(theirs, 'run.created');

    await other.until(1);
    await pause(300);
    expect(other.events.map(({ data }) => data.tenant_id)).toEqual(['other']);
    expect(prod.events).toEqual([]);
  });

  it.each([
    ['?after=-1', {}, 'request.invalid'],
    ['?after=1.5', {}, 'request.invalid'],
    ['?after=', {}, 'request.invalid'],
    ['?after=1&after=2', {}, 'request.invalid'],
    ['?since=1', {}, 'request.invalid'],
    ['', { 'last-event-id': 'x' }, 'request.invalid'],
    ['', { 'last-event-id': '-1' }, 'request.invalid'],
    ['?after=3', {}, 'stream.position_invalid'],
    ['?after=0', { 'last-event-id': '9007199254740' }, 'stream.position_invalid'],
  ])('refuses the position %s %j with %s', async (query, headers: Record<string, string>, code) => {
    const { path } = await roomWith(2);
    const reader = await open(`${path}${query}`, headers);

    expect(reader.status).toBe(400);
    expect((await reader.body()).error).toMatchObject(
      code === 'request.invalid' ? { code } : { code, details: { last: 2 } },
    );
  });
});

describe('a run', () => {
  it('is streamed to its end, and at its end answers 204, whatever is annotated later', async () => {
    const run = projector.run();
    await projector.commit(run, 'run.created');
    const reader = await open(`runs/${run.id}/stream?after=0`);
    await projector.apply(run, 'run.started');
    await projector.apply(run, 'run.completed');
    await projector.apply(run, 'run.annotated');

    await reader.until(() => reader.closed);
    expect(reader.ids).toEqual([1, 2, 3]);
    expect(reader.events.at(-1)!.event).toBe('run.completed');
    for (const [query, status] of [
      ['', 204],
      ['?after=3', 204],
      ['?after=4', 204],
      ['?after=5', 400],
    ] as const) {
      expect((await open(`runs/${run.id}/stream${query}`)).status).toBe(status);
    }
    expect((await open(`runs/${run.id}/stream`, { 'last-event-id': '3' })).status).toBe(204);
    const late = await open(`runs/${run.id}/stream?after=1`);
    await late.until(() => late.closed);
    expect(late.ids).toEqual([2, 3]);
  });

  it('ends by the look into PostgreSQL where the feed lost its end', async () => {
    const run = projector.run();
    await projector.commit(run, 'run.created');
    const reader = await open(`runs/${run.id}/stream`);
    await projector.commit(run, 'run.cancelled');

    await reader.until(() => reader.closed);
    expect(reader.ids).toEqual([2]);
  });

  it('is not found where it is unknown, or another tenant’s', async () => {
    const run = projector.run(undefined, 'other');
    await projector.commit(run, 'run.created');
    for (const id of [run.id, newRunId('00000000')]) {
      const reader = await open(`runs/${id}/stream`);
      expect(reader.status).toBe(404);
      expect((await reader.body()).error.code).toBe('run.not_found');
    }
    expect((await open('runs/run_x/stream')).status).toBe(400);
  });
});
