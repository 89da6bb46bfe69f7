import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConfigResourceTypes } from 'kafkajs';
import type { EventStream } from '../stack/event-stream.js';
import type { HttpClient } from '../stack/http-client.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

/* The feed is fast, PostgreSQL is true: what the feed loses, callers and streams learn all the same, without notices, too. */

const RESPOND_ASYNC = { prefer: 'respond-async' };

let stack: Stack;
let http: HttpClient;
let room: EventStream;

beforeAll(async () => {
  stack = await startStack({ gateways: 1, settings: { RUNSPINE_NOTICES: 'false' } });
  http = stack.http();
  room = await http.stream('/v1/streams/rooms/kitchen');
});
afterAll(async () => {
  room?.close();
  await stack.close();
});

describe('while the feed takes no records', () => {
  beforeAll(() => feedTakes(1));
  afterAll(() => feedTakes(2 * 1024 * 1024));

  it('a write is answered by what PostgreSQL has, applied or refused', async () => {
    const fromMs = Date.now();
    const created = await http.post('/v1/runs', { room_id: 'kitchen' });
    // PostgreSQL is asked after a second, not only when the wait of ten is over.
    expect(Date.now() - fromMs).toBeLessThan(6000);
    expect(created).toMatchObject({ status: 201, body: { status: 'created', version: 1 } });
    const started = await http.post(`/v1/runs/${created.body.run_id}/start`);
    expect(started).toMatchObject({ status: 200, body: { status: 'running', version: 2 } });
    const refused = await http.post(`/v1/runs/${created.body.run_id}/start`);
    expect(refused).toMatchObject({ status: 409, body: { error: { details: { current: 'running' } } } });
    const step = await http.post(`/v1/runs/${created.body.run_id}/steps`, { name: 'boil' });
    expect(step).toMatchObject({ status: 201, body: { name: 'boil', status: 'pending' } });
  });

  it("the room's stream has the events all the same, in order", async () => {
    await room.count(3);
    expect(room.received.map(({ id, event }) => `${id} ${event}`)).toEqual([
      '1 run.created',
      '2 run.started',
      '3 step.created',
    ]);
  });

  it('the projector counts what the feed lost, and stays ready', async () => {
    expect(await stack.projectors[0]!.metric('runspine_projector_feed_lost_outcomes')).toBeGreaterThanOrEqual(4);
    expect((await stack.projectors[0]!.readiness()).status).toBe(200);
  });
});

it('a gap in the feed is filled from the journal, in its place', async () => {
  const before = room.received.length;
  const run: string = (await http.post('/v1/runs', { room_id: 'kitchen' })).body.run_id;
  const annotate = (round: number) => http.post(`/v1/runs/${run}/annotate`, { metadata: { round } }, RESPOND_ASYNC);
  const lost = () => stack.projectors[0]!.metric('runspine_projector_feed_lost_outcomes');
  // Some rounds, since the look that each second brings may come between the two.
  for (let round = 1; round <= 5; round += 1) {
    const lostBefore = await lost();
    await feedTakes(1);
    await annotate(round);
    await until('the feed to lose it', async () => (await lost()) > lostBefore, { everyMs: 5 });
    await feedTakes(2 * 1024 * 1024);
    await annotate(round);
    await room.count(before + 1 + 2 * round);
  }
  expect(room.ids).toEqual(room.ids.map((_, index) => index + 1));
});

it('records of the feed that are deleted before the gateway reads them: caller and stream get the truth', async () => {
  const [gateway] = stack.gateways;
  const [projector] = stack.projectors;
  const before = room.received.length;
  const sum = async (role: 'runs' | 'feed') => (await stack.logEnds(role)).reduce((all, { high }) => all + high, 0);
  const [submitted, told] = [await sum('runs'), await sum('feed')];

  projector!.signal('SIGSTOP');
  const pending = http.post('/v1/runs', { room_id: 'kitchen', name: 'unheard of' });
  await until('Kafka to have the event', async () => (await sum('runs')) > submitted);
  gateway!.signal('SIGSTOP');
  projector!.signal('SIGCONT');
  await until('the feed to have the outcome', async () => (await sum('feed')) > told);
  const ends = await stack.logEnds('feed');
  await stack.admin.deleteTopicRecords({
    topic: stack.topic('feed'),
    partitions: ends.map(({ partition, high }) => ({ partition, offset: String(high) })),
  });
  gateway!.signal('SIGCONT');

  expect(await pending).toMatchObject({ status: 201, body: { name: 'unheard of', status: 'created' } });
  await room.count(before + 1);
  expect(room.events.at(-1)).toMatchObject({ type: 'run.created', data: { name: 'unheard of' } });
  await gateway!.ready();
  expect(await http.post('/v1/runs', { room_id: 'kitchen' })).toMatchObject({ status: 201 });
  await room.count(before + 2);
  expect(room.ids).toEqual(room.ids.map((_, index) => index + 1));
});

/** Sets the largest record that the feed's topic takes: 1 byte is none. */
async function feedTakes(bytes: number): Promise<void> {
  const name = stack.topic('feed');
  const configEntries = [{ name: 'max.message.bytes', value: String(bytes) }];
  await stack.admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name, configEntries }],
  });
}
