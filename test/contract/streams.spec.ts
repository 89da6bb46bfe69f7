import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EventStream } from '../stack/event-stream.js';
import type { ForeignProducer } from '../stack/foreign-producer.js';
import { pipelineRun } from '../stack/scenarios.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

let stack: Stack;
let team: ForeignProducer;

beforeAll(async () => {
  stack = await startStack({ gateways: 2 });
  team = await stack.foreign();
});
afterAll(() => stack.close());

it('a stream resumed at every position gives the rest exactly once, while writes go on', async () => {
  const runs = Array.from({ length: 6 }, () => pipelineRun(team, 'stage', 6)).flat();
  const half = runs.length / 2;
  await team.send(...runs.slice(0, half));
  await stack.caughtUp();

  // Written in small parts while the streams open, one at each position of the first half.
  const writing = (async () => {
    for (let at = half; at < runs.length; at += 5) await team.send(...runs.slice(at, at + 5));
  })();
  const streams = await Promise.all(
    Array.from({ length: half + 1 }, (_, position) =>
      position % 2 === 0
        ? stack.http(0).stream('/v1/streams/rooms/stage', { 'last-event-id': String(position) })
        : stack.http(1).stream(`/v1/streams/rooms/stage?after=${position}`),
    ),
  );
  await writing;
  for (const [position, stream] of streams.entries()) {
    await stream.count(runs.length - position);
    expect(stream.ids).toEqual(Array.from({ length: runs.length - position }, (_, index) => position + index + 1));
  }
  const journal = await stack.database.rows<{ event_id: string }>(
    "SELECT event_id FROM run_events WHERE room_id = 'stage' ORDER BY room_sequence",
  );
  for (const [position, stream] of streams.entries()) {
    const ids = journal.slice(position).map(({ event_id }) => event_id);
    expect(stream.events.map(({ event_id }) => event_id)).toEqual(ids);
    stream.close();
  }
});

it('a reader that loses its connection again and again, now here and now there, misses and repeats nothing', async () => {
  const runs = Array.from({ length: 12 }, () => pipelineRun(team, 'tour', 5)).flat();
  const writing = (async () => {
    for (let at = 0; at < runs.length; at += 10) await team.send(...runs.slice(at, at + 10));
  })();
  const ids: number[] = [];
  for (let turn = 0; ids.length < runs.length; turn += 1) {
    const last = String(ids.at(-1) ?? 0);
    const stream = await stack.http(turn % 2).stream('/v1/streams/rooms/tour', { 'last-event-id': last });
    await stream.count(Math.min(7, runs.length - ids.length));
    stream.close();
    ids.push(...stream.ids);
  }
  await writing;
  expect(ids).toEqual(runs.map((_, index) => index + 1));
});

it('without a position a stream begins now', async () => {
  await team.send({ type: 'run.created', data: { run_id: team.runId('now'), room_id: 'now' } });
  await stack.caughtUp();
  const stream = await stack.http().stream('/v1/streams/rooms/now');
  await team.send({ type: 'run.created', data: { run_id: team.runId('now'), room_id: 'now', name: 'second' } });
  await stream.count(1);
  expect(stream.ids).toEqual([2]);
  stream.close();
});

it('a room without events is an open, empty stream; a position past its end is 400', async () => {
  const stream = await stack.http().stream('/v1/streams/rooms/empty');
  expect(stream).toMatchObject({ status: 200, ended: false });
  await team.send({ type: 'run.created', data: { run_id: team.runId('empty'), room_id: 'empty' } });
  await stream.count(1);
  stream.close();
  const ahead = await stack.http().get('/v1/streams/rooms/empty?after=2');
  expect(ahead).toMatchObject({
    status: 400,
    body: { error: { code: 'stream.position_invalid', details: { last: 1 } } },
  });
});

it("another tenant's room of the same name is another room", async () => {
  const stranger = stack.http().with({ 'x-tenant-id': 'stranger' });
  const theirs = await stranger.stream('/v1/streams/rooms/shared-name?after=0');
  const ours = await stack.http().stream('/v1/streams/rooms/shared-name?after=0');
  await stack.http().post('/v1/runs', { room_id: 'shared-name', name: 'ours' });
  await ours.count(1);
  await stranger.post('/v1/runs', { room_id: 'shared-name', name: 'theirs' });
  await theirs.count(1);
  expect(ours.events).toMatchObject([{ data: { name: 'ours' } }]);
  expect(theirs.events).toMatchObject([{ data: { name: 'theirs' } }]);
  for (const stream of [ours, theirs]) stream.close();
});

describe("a run's stream", () => {
  let run: string;
  let stream: EventStream;

  beforeAll(async () => {
    run = (await stack.http().post('/v1/runs', { room_id: 'corner' })).body.run_id;
    stream = await stack.http(1).stream(`/v1/runs/${run}/stream?after=0`);
  });

  it('has the events of the run, by run sequence, and ends after the last', async () => {
    await stack.http().post('/v1/runs', { room_id: 'corner', name: 'another' });
    await stack.http().post(`/v1/runs/${run}/start`);
    await stack.http().post(`/v1/runs/${run}/complete`);
    await stream.end();
    expect(stream.received.map(({ id, event }) => `${id} ${event}`)).toEqual([
      '1 run.created',
      '2 run.started',
      '3 run.completed',
    ]);
  });

  it('is 204 at its end, which tells EventSource to stop, and whole from any position before', async () => {
    expect(await stack.http().get(`/v1/runs/${run}/stream`, { 'last-event-id': '3' })).toMatchObject({ status: 204 });
    expect(await stack.http().get(`/v1/runs/${run}/stream`)).toMatchObject({ status: 204 });
    for (const after of [0, 1, 2]) {
      const rest = await stack.http().stream(`/v1/runs/${run}/stream?after=${after}`);
      await rest.end();
      expect(rest.ids).toEqual([1, 2, 3].slice(after));
    }
  });
});

it('a ticket opens its stream without identity, and no other', async () => {
  const tenant = stack.http().with({ 'x-tenant-id': 'ticketed' });
  const { status, body } = await tenant.post('/v1/streams/tickets', { room_id: 'hall' });
  expect(status).toBe(201);
  const stream = await stack.http(1).stream(`/v1/streams/rooms/hall?ticket=${encodeURIComponent(body.ticket)}`);
  await tenant.post('/v1/runs', { room_id: 'hall', name: 'inside' });
  await stream.count(1);
  expect(stream.events).toMatchObject([{ tenant_id: 'ticketed', data: { name: 'inside' } }]);
  stream.close();
  const other = await stack.http().get(`/v1/streams/rooms/cellar?ticket=${encodeURIComponent(body.ticket)}`);
  expect(other).toMatchObject({ status: 401, body: { error: { code: 'auth.ticket_invalid' } } });
});

it('a gateway that stops ends its streams, and a reader resumes at another', async () => {
  const added = await stack.add('gateway');
  const http = stack.http(2);
  const stream = await http.stream('/v1/streams/rooms/moving?after=0');
  await stack.http().post('/v1/runs', { room_id: 'moving' });
  await stream.count(1);
  expect(await added.stopCleanly()).toBe('');
  await until('the stream to end', () => stream.ended);
  await stack.http().post('/v1/runs', { room_id: 'moving' });
  const resumed = await stack
    .http()
    .stream('/v1/streams/rooms/moving', { 'last-event-id': stream.received.at(-1)!.id });
  await resumed.count(1);
  expect(resumed.ids).toEqual([2]);
  resumed.close();
});
