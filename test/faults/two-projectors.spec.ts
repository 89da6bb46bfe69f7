import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { ForeignEvent, ForeignProducer } from '../stack/foreign-producer.js';
import { chainFaults, rebuildFaults, sequenceFaults } from '../stack/journal.js';
import { pipelineRun } from '../stack/scenarios.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

let stack: Stack;
let team: ForeignProducer;

// Small transactions, so that a process is caught between and inside many of them.
beforeEach(async () => {
  stack = await startStack({ projectors: 2, settings: { RUNSPINE_BATCH_RECORDS: '50' } });
  team = await stack.foreign();
});
afterEach(() => stack.close());

it('two projectors share the partitions', async () => {
  const held = () => stack.projectors.map((projector) => heldPartitions(projector.lines));
  await until('two partitions each', () => held().every((count) => count === 2));
  const events = runsInRooms(8, 8);
  await team.send(...events);
  await stack.caughtUp();
  for (const projector of stack.projectors) {
    expect(await projector.metric('runspine_projector_events_total')).toBeGreaterThan(0);
  }
  await expectAppliedOnce(events.length);
});

it('a projector killed in the middle of 20,000 events loses nothing and doubles nothing', async () => {
  const events = runsInRooms(40, 500);
  const sending = team.send(...events);
  await until('some events to be applied', async () => (await stack.database.count('event_outcomes')) > 1000);
  await stack.projectors[0]!.kill();
  expect(await stack.database.count('event_outcomes')).toBeLessThan(events.length);
  await sending;
  await stack.caughtUp();
  await expectAppliedOnce(events.length);
});

it('a projector that slept while another took its partitions over changes nothing as it wakes', async () => {
  const [sleeper, other] = stack.projectors;
  const before = runsInRooms(40, 250);
  const sending = team.send(...before);
  await until('some events to be applied', async () => (await stack.database.count('event_outcomes')) > 1000);
  sleeper!.signal('SIGSTOP');
  await sending;
  expect(await stack.database.count('event_outcomes')).toBeLessThan(before.length);
  await until('the other to hold every partition', () => heldPartitions(other!.lines) === 4);
  await stack.caughtUp();

  const after = runsInRooms(40, 50);
  sleeper!.signal('SIGCONT');
  await team.send(...after);
  await stack.caughtUp();
  await until('the sleeper to be back at work', async () => (await sleeper!.readiness()).status === 200);
  await expectAppliedOnce(before.length + after.length);
});

it('a projector that gets a partition back knows what happened there meanwhile', async () => {
  const [first, second] = stack.projectors;
  await second!.stop();
  await until('every partition in one hand', () => heldPartitions(first!.lines) === 4);
  const runs = Array.from({ length: 40 }, () => team.runId());
  const all = (type: string) => team.send(...runs.map((run_id) => ({ type, data: { run_id } })));
  await all('run.created');
  await stack.caughtUp();
  await second!.start();
  await until('two partitions each', () => [first, second].every((each) => heldPartitions(each!.lines) === 2));
  await all('run.started');
  await stack.caughtUp();
  await second!.stop();
  await until('every partition in one hand', () => heldPartitions(first!.lines) === 4);
  await all('run.completed');
  await stack.caughtUp();
  expect(await stack.database.count('proj_runs', "status = 'completed'")).toBe(runs.length);
  await expectAppliedOnce(3 * runs.length);
});

function runsInRooms(rooms: number, runs: number): ForeignEvent[] {
  const lists = Array.from({ length: runs }, (_, index) => pipelineRun(team, `room-${index % rooms}`, 6));
  // Runs side by side, as they are: the first event of each, then the second of each.
  return lists[0]!.flatMap((_, index) => lists.map((list) => list[index]!));
}

/** Partitions of the runs that a projector was given at its last join. */
function heldPartitions(lines: readonly { fields: Record<string, unknown> }[]): number {
  const joined = lines.findLast(({ fields }) => fields.msg === 'Joined group');
  const assigned = (joined?.fields.assigned ?? []) as { topic: string }[];
  return assigned.filter(({ topic }) => topic.endsWith('runspine.runs.v1')).length;
}

async function expectAppliedOnce(events: number): Promise<void> {
  expect(await stack.database.count('run_events')).toBe(events);
  expect(await stack.database.count('event_outcomes', "outcome = 'applied'")).toBe(events);
  expect(await stack.database.count('rejections')).toBe(0);
  expect(await sequenceFaults(stack.database)).toEqual([]);
  expect(await rebuildFaults(stack.database)).toEqual([]);
  expect(await chainFaults(stack.database, stack.journalKey)).toEqual([]);
  expect(await stack.read('deadLetter')).toEqual([]);
}
