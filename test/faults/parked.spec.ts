import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { ForeignProducer } from '../stack/foreign-producer.js';
import { chainFaults, rebuildFaults, sequenceFaults } from '../stack/journal.js';
import { startStack, type Stack } from '../stack/stack.js';

/*
 * PostgreSQL refuses one record of a batch, for a reason that nobody at the door could know. A constraint of this test
 * stands for it: no run may be called `forbidden`.
 */

let stack: Stack;
let team: ForeignProducer;

beforeAll(async () => {
  stack = await startStack({ gateways: 1 });
  team = await stack.foreign();
  await stack.database.rows(
    `ALTER TABLE run_events ADD CONSTRAINT no_forbidden CHECK (data->>'name' IS DISTINCT FROM 'forbidden')`,
  );
});
afterAll(() => stack.close());

it('is parked alone: everything before and after it in its batch is applied', async () => {
  const runs = Array.from({ length: 40 }, () => team.runId('crowd'));
  const refused = new Set([7, 8, 31]);
  const ids = runs.map(() => randomUUID());
  const events = runs.flatMap((run_id, index) => {
    const name = refused.has(index) ? 'forbidden' : `run ${index}`;
    return [
      { type: 'run.created', id: ids[index]!, data: { run_id, room_id: 'crowd', name } },
      { type: 'run.started', data: { run_id } },
    ];
  });
  await stack.projectors[0]!.stop();
  await team.send(...events);
  await stack.projectors[0]!.start();
  await stack.caughtUp();

  expect(await stack.database.count('run_events')).toBe(2 * 37);
  expect(await stack.database.count('proj_runs', "status = 'running'")).toBe(37);
  const parked = await stack.database.rows("SELECT event_id, sqlstate FROM event_outcomes WHERE outcome = 'parked'");
  expect(new Set(parked.map(({ event_id }) => event_id))).toEqual(new Set([...refused].map((index) => ids[index])));
  expect(parked.map(({ sqlstate }) => sqlstate)).toEqual(['23514', '23514', '23514']);
  // What was to follow them met no run.
  const rejected = await stack.database.rows('SELECT run_id, reason FROM rejections');
  expect(rejected.map(({ reason }) => reason)).toEqual(['run.not_found', 'run.not_found', 'run.not_found']);
  expect(new Set(rejected.map(({ run_id }) => run_id))).toEqual(new Set([...refused].map((index) => runs[index])));

  const letters = await stack.read('deadLetter');
  expect(letters.map(({ headers }) => headers.dl_code)).toEqual(['event.parked', 'event.parked', 'event.parked']);
  expect(letters.map(({ headers }) => headers.ce_id).sort()).toEqual([...refused].map((index) => ids[index]!).sort());
  for (const { value } of letters) expect(JSON.parse(String(value))).toMatchObject({ name: 'forbidden' });
  await stack.projectors[0]!.ready();
});

it('is told to an HTTP caller: 422 event.parked, and GET /v1/events says so', async () => {
  const answer = await stack.http().post('/v1/runs', { name: 'forbidden' });
  expect(answer).toMatchObject({
    status: 422,
    body: { error: { code: 'event.parked', retryable: false, details: { sqlstate: '23514' } } },
  });
  const eventId: string = answer.body.error.details.event_id;
  expect(await stack.http().get(`/v1/events/${eventId}`)).toMatchObject({
    status: 200,
    body: { event_id: eventId, outcome: 'parked', sqlstate: '23514', event: null, reason: null },
  });
  expect((await stack.http().get(`/v1/runs/${answer.body.error.details.run_id}`)).status).toBe(404);
});

it('is parked again, and not applied, when it comes again; its id keeps its outcome', async () => {
  const event_id = randomUUID();
  const run_id = team.runId();
  const first = await stack.http().post('/v1/runs', { name: 'forbidden', event_id, run_id });
  await stack.database.rows('ALTER TABLE run_events DROP CONSTRAINT no_forbidden');
  const again = await stack.http().post('/v1/runs', { name: 'forbidden', event_id, run_id });
  expect([first.status, again.status]).toEqual([422, 422]);
  expect((await stack.http().get(`/v1/events/${event_id}`)).body.outcome).toBe('parked');
});

it('leaves no gap in any sequence, and every chain whole', async () => {
  expect(await sequenceFaults(stack.database)).toEqual([]);
  expect(await rebuildFaults(stack.database)).toEqual([]);
  expect(await chainFaults(stack.database, stack.journalKey)).toEqual([]);
});
