import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { canonicalize, newEventId } from '@runspine/contracts';
import { Replay, runResource, stepResource } from '@runspine/run-model';
import { type JournalEntry, eventOf, eventText } from './journal-entry.js';
import { JournalQueries } from './journal-queries.js';
import { OutcomeQueries } from './outcome-queries.js';
import { RunQueries } from './run-queries.js';
import { StateQueries } from './state-queries.js';
import { StepQueries } from './step-queries.js';
import { TestDatabase, wholeRun } from './stored-runs.fixture.js';
import { StreamHeads } from './stream-heads.js';

// Real: PostgreSQL, migrated, with its roles and policies. Not real: the projector; its rows are written by the test.
const ACME = { tenantId: 'acme', env: 'default' };

let database: TestDatabase;
let runs: RunQueries;
let steps: StepQueries;
let journal: JournalQueries;
let states: StateQueries;
let outcomes: OutcomeQueries;
let heads: StreamHeads;

beforeAll(async () => {
  database = await TestDatabase.create(process.env.DATABASE_URL);
  const { store } = database;
  [runs, steps, journal] = [new RunQueries(store), new StepQueries(store), new JournalQueries(store)];
  [states, outcomes, heads] = [new StateQueries(store), new OutcomeQueries(store), new StreamHeads(store)];
});
afterAll(() => database.drop());

async function collect(chunks: AsyncIterable<JournalEntry[]>): Promise<JournalEntry[]> {
  const all: JournalEntry[] = [];
  for await (const chunk of chunks) all.push(...chunk);
  return all;
}

describe('a run', () => {
  it('reads as the model has it, from the projections and from the journal, at every one of its sequences', async () => {
    const run = await wholeRun(database);
    const replay = new Replay();
    for (const event of run.history) {
      replay.apply(event);
      const at = event.run_sequence;
      const nowMs = at === run.history.length ? Date.now() : Date.parse(event.recorded_at);
      expect(await states.state(ACME, run.id, at)).toEqual({
        sequence: at,
        run: runResource(replay.run!, nowMs),
        steps: [...replay.steps.values()].map(stepResource),
      });
    }
    expect(await states.state(ACME, run.id, undefined)).toEqual(await states.state(ACME, run.id, 11));
    expect(await runs.find(ACME, run.id)).toEqual(runResource(run.replay.run!, Date.now()));
    expect((await steps.list(ACME, run.id, { limit: 10 })).items).toEqual([
      stepResource(run.replay.steps.get(run.stepId)!),
    ]);
  });

  it('has no state before its first event or after its last', async () => {
    const run = database.run();
    await run.apply('run.created');
    for (const at of [0, 2, Number.MAX_SAFE_INTEGER]) {
      await expect(states.state(ACME, run.id, at)).rejects.toMatchObject({ code: 'request.invalid' });
    }
  });

  it('shows its events letter by letter as they were hashed', async () => {
    const run = await wholeRun(database);
    const { items, next } = await journal.ofRun(ACME, run.id, {}, { limit: 200, after: 0 });

    expect(next).toBeNull();
    expect(items.map(eventOf)).toEqual(run.history.map((event) => ({ ...event })));
    for (const [index, entry] of items.entries()) {
      expect(entry.data).toBe(canonicalize(run.history[index]!.data));
      expect(JSON.parse(eventText(entry, entry.data))).toEqual(run.history[index]);
      expect(eventText(entry, entry.data)).not.toMatch(/[\r\n]/);
    }
  });

  it('gives its events by step, by type, after a sequence, in pages and in chunks', async () => {
    const run = await wholeRun(database);
    const sequences = async (filters: object, page: { limit: number; after: number }) =>
      (await journal.ofRun(ACME, run.id, filters, page)).items.map((entry) => entry.run_sequence);

    expect(await sequences({ step: run.stepId }, { limit: 3, after: 4 })).toEqual([5, 6, 7]);
    expect(await sequences({ type: 'step.started' }, { limit: 9, after: 0 })).toEqual([4, 8]);
    expect(await sequences({ type: 'no.such' }, { limit: 9, after: 0 })).toEqual([]);
    expect((await collect(journal.chunksOfRun(ACME, run.id, {}, { after: 0 }))).map(eventOf)).toEqual(run.history);
    expect(await collect(journal.chunksOfRun(ACME, run.id, {}, { after: 2, limit: 3 }))).toHaveLength(3);
    expect(await collect(journal.chunksOfRun(ACME, run.id, {}, { after: 99 }))).toEqual([]);
    await expect(collect(journal.chunksOfRun(ACME, 'run_none', {}, { after: 0 }))).rejects.toMatchObject({
      code: 'run.not_found',
    });
  });

  it('is read whole in chunks when it is longer than any chunk', async () => {
    const run = database.run();
    await run.apply('run.created');
    for (let i = 0; i < 130; i++) await run.apply('run.annotated', { metadata: { [`k${i % 3}`]: 'x'.repeat(i * 20) } });

    const all = await collect(journal.chunksOfRun(ACME, run.id, {}, { after: 0 }));

    expect(all.map((entry) => entry.run_sequence)).toEqual(Array.from({ length: 131 }, (_, index) => index + 1));
    expect((await states.state(ACME, run.id, 131)).run.metadata).toEqual(run.replay.run!.metadata);
  });
});

describe('events beyond one run', () => {
  it('finds a correlation over runs in the order of recording, page by page', async () => {
    const correlationid = 'corr-1';
    const [a, b] = [database.run({ recordedMs: 1e12 }), database.run({ recordedMs: 1e12 })];
    for (const run of [a, b]) await run.apply('run.created', {}, { correlationid });
    for (const run of [a, b, a]) await run.apply('run.annotated');

    const seen: JournalEntry[] = [];
    let after: Parameters<JournalQueries['ofCorrelation']>[2]['after'];
    do {
      const page = await journal.ofCorrelation(ACME, correlationid, { limit: 2, after });
      seen.push(...page.items);
      after = page.next ?? undefined;
    } while (after);

    const key = (entry: { recorded_at: string; run_id: string; run_sequence: number }) =>
      [entry.recorded_at, entry.run_id, entry.run_sequence].join();
    expect(seen.map(key)).toEqual([...a.history, ...b.history].map(key).sort());
    expect((await journal.ofCorrelation(ACME, `corr-1' --`, { limit: 2 })).items).toEqual([]);
  });

  it('tells what became of an event: applied with it, or refused with the reason, or parked', async () => {
    const run = database.run();
    const created = await run.apply('run.created');
    const heartbeat = newEventId();
    const base = { tenant_id: 'acme', env: 'default', run_id: run.id, recorded_at: new Date().toISOString() };
    const other = { ...base, hash: '\\x00', first_event_id: heartbeat };
    await database.put('event_outcomes', [], { ...other, event_id: heartbeat, outcome: 'applied', run_sequence: 1 });
    const [refused, parked] = [newEventId(), newEventId()];
    const reason = { outcome: 'rejected', reason: 'run.exists', current: 'created', version: 1 };
    await database.put('event_outcomes', [], { ...other, event_id: refused, first_event_id: refused, ...reason });
    const unstorable = { outcome: 'parked', sqlstate: '22P05' };
    await database.put('event_outcomes', [], { ...other, event_id: parked, first_event_id: parked, ...unstorable });

    expect(await outcomes.find(ACME, created.event_id)).toMatchObject({
      outcome: { outcome: 'applied', run_sequence: 1, first_event_id: created.event_id },
      entry: { event_id: created.event_id },
    });
    expect(await outcomes.find(ACME, heartbeat)).toMatchObject({ outcome: { run_sequence: 1 }, entry: undefined });
    expect((await outcomes.find(ACME, refused)).outcome).toMatchObject(reason);
    expect((await outcomes.find(ACME, parked)).outcome).toMatchObject(unstorable);
    for (const scope of [
      { ...ACME, env: 'prod' },
      { ...ACME, tenantId: 'other' },
    ]) {
      await expect(outcomes.find(scope, created.event_id)).rejects.toMatchObject({ code: 'event.not_recorded' });
    }
  });

  it('lists rejections newest first, by run and reason', async () => {
    const scope = { tenantId: 'rejected', env: 'default' };
    const run = database.run(scope);
    const at = Date.now();
    for (let i = 0; i < 7; i++) {
      await database.put('rejections', [], {
        tenant_id: scope.tenantId,
        env: scope.env,
        source_partition: i % 2,
        source_offset: i,
        event_id: newEventId(),
        type: 'run.started',
        run_id: i === 6 ? 'run_other' : run.id,
        reason: i % 2 ? 'run.exists' : 'run.not_found',
        current: null,
        version: null,
        time: new Date(at).toISOString(),
        recorded_at: new Date(at + Math.floor(i / 3)).toISOString(),
        source: '/test',
        data: '{"run_id":"x"}',
      });
    }
    const seen = [];
    let after: Parameters<OutcomeQueries['rejections']>[2]['after'];
    do {
      const page = await outcomes.rejections(scope, {}, { limit: 2, after });
      seen.push(...page.items);
      after = page.next ?? undefined;
    } while (after);

    expect(new Set(seen.map((one) => one.event_id)).size).toBe(7);
    expect(seen.map((one) => one.recorded_at)).toEqual(
      seen
        .map((one) => one.recorded_at)
        .sort()
        .reverse(),
    );
    expect(Object.keys(seen[0]!)).not.toContain('source_offset');
    expect((await outcomes.rejections(scope, { run_id: run.id }, { limit: 9 })).items).toHaveLength(6);
    expect((await outcomes.rejections(scope, { reason: 'run.exists' }, { limit: 9 })).items).toHaveLength(3);
  });
});

describe('streams', () => {
  it('knows how far rooms and runs are, and where a run ended', async () => {
    const run = await wholeRun(database, { roomId: 'far' });
    const open = database.run({ roomId: 'far' });
    await open.apply('run.created');

    expect(await heads.ofRoom(ACME, 'far')).toEqual({ last: 12, end: null });
    expect(await heads.ofRoom(ACME, 'nobody')).toEqual({ last: 0, end: null });
    expect(await heads.ofRun(ACME, run.id)).toEqual({ last: 11, end: 10 });
    expect(await heads.ofRun(ACME, open.id)).toEqual({ last: 1, end: null });
    expect(
      await heads.ofMany('acme', [
        { kind: 'run', env: 'default', id: open.id },
        { kind: 'room', env: 'default', id: 'far' },
        { kind: 'room', env: 'prod', id: 'far' },
        { kind: 'run', env: 'default', id: run.id },
      ]),
    ).toEqual([1, 12, 0, 11]);
    const entries = await journal.ofRoom(ACME, 'far', { after: 9, limit: 9 });
    expect(entries.map((entry) => entry.room_sequence)).toEqual([10, 11, 12]);
  });
});
