import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { derivedEventId, type RecordedEvent } from '@runspine/contracts';
import type { ForeignProducer } from '../stack/foreign-producer.js';
import { chainFaults, rebuildFaults } from '../stack/journal.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

let stack: Stack;
let team: ForeignProducer;

// Two projectors look every second for runs that were silent for a day.
beforeAll(async () => {
  stack = await startStack({ projectors: 2, gateways: 1, settings: { RUNSPINE_LOST_SWEEP_S: '1' } });
  team = await stack.foreign();
});
afterAll(() => stack.close());

/** A run that is running. */
async function runningRun(): Promise<string> {
  const run_id = team.runId();
  await team.send({ type: 'run.created', data: { run_id } }, { type: 'run.started', data: { run_id } });
  await until('the run to run', async () => (await status(run_id)) === 'running');
  return run_id;
}

const status = async (run: string) =>
  (await stack.database.rows<{ status: string }>('SELECT status FROM proj_runs WHERE run_id = $1', [run]))[0]?.status;

/** As if nothing had been heard of a run for so long; both projectors forget what they hold of it. */
async function silence(run: string, hours: number): Promise<string> {
  const row = await stack.database.row<{ last_seen_at: string }>(
    `UPDATE proj_runs SET last_seen_at = date_trunc('milliseconds', now()) - make_interval(hours => $2)
     WHERE run_id = $1 RETURNING last_seen_at`,
    [run, hours],
  );
  await stack.database.rows('UPDATE projector_offsets SET epoch = epoch + 1');
  return row.last_seen_at;
}

const eventsOf = async (run: string) =>
  (await stack.http().get(`/v1/runs/${run}/events`)).body.items as RecordedEvent[];

it('a run that was silent for a day fails once, as lost, though two projectors saw it', async () => {
  const run = await runningRun();
  const seen = await silence(run, 25);
  await until('the run to fail', async () => (await status(run)) === 'failed');
  const twoMoreLooks = Date.now() + 2500;
  await until('two more looks', () => Date.now() > twoMoreLooks);

  const failures = (await eventsOf(run)).filter(({ type }) => type === 'run.failed');
  expect(failures).toMatchObject([
    {
      event_id: derivedEventId('run.lost', 'default', run, '2', seen),
      source: '/projector',
      data: { error: { code: 'run.lost', detail: { last_seen_at: seen } } },
    },
  ]);
  expect((await stack.http().get(`/v1/runs/${run}`)).body).toMatchObject({
    status: 'failed',
    error: { code: 'run.lost' },
  });
  expect(await stack.database.count('rejections', 'run_id = $1', [run])).toBe(0);
  expect(await chainFaults(stack.database, stack.journalKey)).toEqual([]);
});

it('a run that was silent for less is left alone', async () => {
  const run = await runningRun();
  await silence(run, 23);
  const looks = Date.now() + 2500;
  await until('two looks', () => Date.now() > looks);
  expect(await status(run)).toBe('running');
});

it('a heartbeat that comes just before wins', async () => {
  const run = await runningRun();
  const seen = new Date(Date.now() - 25 * 3600 * 1000).toISOString();
  // What a projector would submit that looked before the heartbeat, in the log after it.
  await team.send(
    { type: 'run.heartbeat', data: { run_id: run } },
    {
      type: 'run.failed',
      id: derivedEventId('run.lost', 'default', run, '2', seen),
      attributes: { expectedversion: '2' },
      data: { run_id: run, error: { code: 'run.lost', message: 'No sign of life.', detail: { last_seen_at: seen } } },
    },
  );
  await stack.caughtUp();
  expect(await status(run)).toBe('running');
  const [rejection] = (await stack.http().get(`/v1/rejections?run_id=${run}`)).body.items;
  expect(rejection).toMatchObject({ type: 'run.failed', reason: 'run.version_mismatch', current: 'running' });
  expect(await rebuildFaults(stack.database)).toEqual([]);
});
