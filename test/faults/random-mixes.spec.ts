import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { affinityOf, type SubmittedEvent } from '@runspine/contracts';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { eventSequences, RUN_IDS } from '../../libs/run-model/src/event-sequences.fixture.js';
import type { Row } from '../stack/database.js';
import { expectedOf, stateText } from '../stack/expected-projections.js';
import type { ForeignProducer, ForeignRecord } from '../stack/foreign-producer.js';
import { chainFaults, rebuildFaults, sequenceFaults } from '../stack/journal.js';
import { startStack, type Stack } from '../stack/stack.js';

let stack: Stack;
let team: ForeignProducer;
let tenants = 0;

// Tiny batches with odd ends: what is folded together differs from what was sent together.
beforeAll(async () => {
  stack = await startStack({ settings: { RUNSPINE_BATCH_RECORDS: '7' } });
  team = await stack.foreign();
});
afterAll(() => stack.close());

/** What befalls an event on its way. */
const fates = fc.constantFrom(
  ...(['sent', 'sent', 'sent', 'sent', 'twice', 'again later', 'id reused', 'torn', 'misrouted'] as const),
);
const mixes = fc.record({
  sequences: fc.array(eventSequences, { minLength: 12, maxLength: 20, size: 'max' }),
  fates: fc.infiniteStream(fates),
  interleaving: fc.infiniteStream(fc.nat(1000)),
  sends: fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
  restarts: fc.constantFrom(0, 1, 2),
});

it('good, bad and repeated events in any mix, batches and restarts give what the run model folds', async () => {
  await fc.assert(
    fc.asyncProperty(mixes, async ({ sequences, fates, interleaving, sends, restarts }) => {
      const lists = sequences.map((events) => recordsOf(events, `mix-${(tenants += 1)}`, fates));
      const records = interleave(lists, interleaving);
      const restartAt = Array.from({ length: restarts }, (_, n) =>
        Math.floor((records.length * (n + 1)) / (restarts + 1)),
      );
      for (let at = 0; at < records.length;) {
        const count = sends.next().value as number;
        await team.sendRecords(records.slice(at, at + count));
        if (restartAt.some((place) => place >= at && place < at + count)) await restart();
        at += count;
      }
      await stack.caughtUp();
      await compare();
    }),
    // To shrink means to send it all again; the log of the failed mix says enough.
    { numRuns: 8, endOnFailure: true },
  );
});

it('leaves the journal whole', async () => {
  expect(await stack.database.count('run_events')).toBeGreaterThan(100);
  expect(await sequenceFaults(stack.database)).toEqual([]);
  expect(await rebuildFaults(stack.database)).toEqual([]);
  expect(await chainFaults(stack.database, stack.journalKey)).toEqual([]);
});

/** Everything that the log ever held, folded by the model, beside what the projector made of it. */
async function compare(): Promise<void> {
  const expected = expectedOf(await stack.read('runs'));
  const outcomes = await stack.database.rows<{ id: string; outcome: string }>(
    "SELECT tenant_id || '/' || event_id AS id, concat_ws(' ', outcome, reason) AS outcome FROM event_outcomes",
  );
  expect(new Map(outcomes.map(({ id, outcome }) => [id, outcome]))).toEqual(expected.outcomes);
  expect(await stack.database.count('rejections')).toBe(expected.rejections);
  expect(await stack.read('deadLetter')).toHaveLength(expected.deadLetters);
  const steps = Map.groupBy(
    await stack.database.rows<Row & { tenant_id: string; run_id: string }>('SELECT * FROM proj_steps'),
    ({ tenant_id, run_id }) => `${tenant_id}/${run_id}`,
  );
  const runs = await stack.database.rows<Row & { tenant_id: string; run_id: string }>('SELECT * FROM proj_runs');
  const states = runs.map((run) => {
    const id = `${run.tenant_id}/${run.run_id}`;
    const own = (steps.get(id) ?? []).map(({ tenant_id: _tenant, ...step }) => step);
    return [id, stateText(run, own)] as const;
  });
  expect(new Map(states)).toEqual(expected.runs);
}

async function restart(): Promise<void> {
  await stack.projectors[0]!.stop();
  await stack.projectors[0]!.start();
}

/** Events as records of a tenant of their own, since their ids come again in every sequence. */
function recordsOf(events: readonly SubmittedEvent[], tenant: string, fates: Iterator<string>): ForeignRecord[] {
  const affinity = affinityOf({ tenantId: tenant, env: 'default', roomId: 'room-a' });
  const own = (text: string) =>
    RUN_IDS.reduce((out, id) => out.replaceAll(id, `${id.slice(0, 16)}${affinity}${id.slice(24)}`), text);
  const records: ForeignRecord[] = [];
  const later: ForeignRecord[] = [];
  for (const event of events) {
    const sent = recordOf(event, tenant, `${tenant}/${affinity}`, own);
    const fate = fates.next().value as string;
    if (fate === 'torn') records.push({ ...sent, value: String(sent.value).slice(0, -1) });
    else if (fate === 'misrouted') records.push({ ...sent, key: `${tenant}/ffffffff` });
    else records.push(sent);
    if (fate === 'twice') records.push(sent);
    if (fate === 'again later') later.push(sent);
    if (fate === 'id reused') later.push({ ...sent, value: withMore(String(sent.value)) });
  }
  return [...records, ...later];
}

function recordOf(event: SubmittedEvent, tenant: string, key: string, own: (text: string) => string): ForeignRecord {
  const { data, id, type, time, env, correlationid, causationid, expectedversion } = event;
  const attributes = { correlationid, causationid, expectedversion };
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined);
  const value = own(JSON.stringify(data));
  const { run_id } = JSON.parse(value) as { run_id: string };
  return {
    key,
    value,
    headers: {
      ce_specversion: '1.0',
      ce_id: id,
      ce_source: '/mix',
      ce_type: type,
      ce_time: time,
      ce_subject: run_id,
      ce_tenantid: tenant,
      ce_env: env,
      ...Object.fromEntries(given.map(([name, value]) => [`ce_${name}`, String(value)])),
    },
  };
}

function withMore(value: string): string {
  return JSON.stringify({ ...(JSON.parse(value) as object), another_field: randomUUID() });
}

/** One list of them all, each in its own order. */
function interleave<T>(lists: readonly T[][], choices: Iterator<number>): T[] {
  const left = lists.map((list) => [...list]).filter((list) => list.length > 0);
  const mixed: T[] = [];
  while (left.length > 0) {
    const at = (choices.next().value as number) % left.length;
    mixed.push(left[at]!.shift()!);
    if (left[at]!.length === 0) left.splice(at, 1);
  }
  return mixed;
}
