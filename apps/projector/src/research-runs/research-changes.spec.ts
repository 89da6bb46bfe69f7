import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  canonicalize,
  NEXUS_EVENT_DEFINITIONS,
  newEventId,
  newTaskId,
  type NexusEvent,
  nexusEvent,
  RESEARCH_EFFECTS,
  RESEARCH_KINDS,
  type ResearchCounts,
} from '@runspine/contracts';
import { hashData } from '@runspine/projections/journal';
import fc from 'fast-check';
import { eventKey, foldNexus, type NexusState, taskKey } from '../nexus/fold-nexus.js';
import { joined, type ResearchChange, researchIdOf } from './research-changes.js';

// Pure: events in, research runs out. The database that adds them up is real in research-runs.spec.ts.
const KEY = createSecretKey(Buffer.alloc(32));
const space = { scope: 'tenant', project: 'default', surface: 'default', space_id: 'handbook' } as const;
const trace = (digit: string) => `00-${digit.repeat(32)}-${'b'.repeat(16)}-01`;

function eventOf(type: NexusEvent['type'], data: object, envelope: object = {}): NexusEvent {
  const base = {
    id: newEventId(),
    source: '/test',
    time: '2026-01-31T12:00:00.000Z',
    tenantid: 'acme',
    env: 'prod',
    projectid: 'default',
    surfaceid: 'default',
  };
  return nexusEvent(type, { ...base, ...envelope }, { space, ...data } as never);
}

/** What is recorded after batches of events, as the projector and its tables keep it. */
class Recorded {
  private readonly state: NexusState = { heads: new Map(), known: new Map(), tasks: new Map() };
  private changes: ResearchChange[] = [];

  batch(events: readonly NexusEvent[]): this {
    const entries = events.map((event, offset) => {
      const dataText = canonicalize(event.data);
      return { event, dataText, dataHash: hashData(dataText), record: { partition: 0, offset } as never };
    });
    const folded = foldNexus(entries, this.state, KEY, '2026-01-31T12:00:01.000Z');
    for (const task of folded.tasks) this.state.tasks.set(taskKey(task.tenant_id, task.task_id), task);
    for (const { tenant_id: tenant, event_id: id, type, data_hash: dataHash } of folded.events) {
      this.state.known.set(eventKey(tenant, id), { type, dataHash });
    }
    this.changes = joined([...this.changes, ...folded.research]);
    return this;
  }

  get runs(): (ResearchChange & { kind: string; status: string })[] {
    return this.changes.map((change) => ({
      ...change,
      kind: RESEARCH_KINDS[change.kind_rank]!,
      status: statusOf(change),
    }));
  }

  run(id: string) {
    return this.runs.find((run) => run.id === id);
  }
}

/** As the table's generated column has it. */
function statusOf({ tasks_open, tasks_failed }: ResearchChange): string {
  return tasks_open > 0 ? 'running' : tasks_failed > 0 ? 'failed' : 'completed';
}

const task = newTaskId();
const said = { correlationid: 'study' };
const requested = (id = task, more: object = said) =>
  eventOf('nexus.ingest_requested', { task_id: id, documents: [{ document_id: 'a', text: 'a' }] }, more);
const indexed = (documents: number, chunks: number, tasks: object[], more: object = said) =>
  eventOf('nexus.indexed', { version: 1, documents, chunks, tasks }, more);
const completed = (documents: number, chunks: number, more: object = {}, id = task) =>
  eventOf('nexus.ingest_completed', { task_id: id, documents, chunks, ...more }, said);
const failed = (more: object = {}, id = task) =>
  eventOf('nexus.ingest_failed', { task_id: id, errors: [{ code: 'x.y', message: 'no' }], ...more }, said);
const searched = (more: object = said, data: object = {}) => eventOf('nexus.searched', data, more);

describe('which run an event is of', () => {
  const run_id = `run_${'1'.repeat(32)}`;

  it('its trace, else its correlation, else the run that asked, else its task', () => {
    const all = { correlationid: 'c', traceparent: trace('a') };
    expect(researchIdOf(searched(all, { run_id }))).toBe('a'.repeat(32));
    expect(researchIdOf(searched({ correlationid: 'c' }, { run_id }))).toBe('c');
    expect(researchIdOf(searched({}, { run_id }))).toBe(run_id);
    expect(researchIdOf(requested(task, {}))).toBe(task);
    expect(researchIdOf(searched({}))).toBeNull();
    expect(researchIdOf(searched({ traceparent: trace('0'), correlationid: 'c' }))).toBe('c');
  });

  it('of an event that nothing tells of: none', () => {
    expect(new Recorded().batch([searched({})]).runs).toEqual([]);
  });

  it('of a task: that of its first event, also where a later one says otherwise', () => {
    const traced = requested(task, { ...said, traceparent: trace('c') });
    const { runs } = new Recorded().batch([traced, completed(1, 2)]);
    expect(runs).toMatchObject([{ id: 'c'.repeat(32), cards: 1, atoms: 2, status: 'completed' }]);
  });

  it('apart by tenant, env and project, whatever their correlation', () => {
    const other = { ...space, project: 'other' };
    const events = [searched(), searched({ ...said, tenantid: 'beta' }), searched({ ...said, env: 'test' })];
    const { runs } = new Recorded().batch([...events, searched(said, { space: other })]);
    expect(runs.map(({ tenant_id, env, project_id, searches }) => [tenant_id, env, project_id, searches])).toEqual([
      ['acme', 'prod', 'default', 1],
      ['acme', 'prod', 'other', 1],
      ['acme', 'test', 'default', 1],
      ['beta', 'prod', 'default', 1],
    ]);
  });
});

describe('what an event does to its run', () => {
  const alone: Record<NexusEvent['type'], NexusEvent> = {
    'nexus.ingest_requested': requested(),
    'nexus.indexed': indexed(2, 5, []),
    'nexus.ingest_completed': completed(2, 5),
    'nexus.ingest_failed': failed({ documents: 2, chunks: 5 }),
    'nexus.searched': searched(),
    'nexus.pack_created': eventOf('nexus.pack_created', { pack_id: 'p' }, said),
    'nexus.raw_asset_created': eventOf('nexus.raw_asset_created', { asset_id: 'r' }, said),
  };

  it.each(NEXUS_EVENT_DEFINITIONS.map(({ type }) => type))(
    '%s: the kind and counts that docs/events.md has',
    (type) => {
      const { kind, counts } = RESEARCH_EFFECTS[type];
      const run = new Recorded().batch([alone[type]]).run('study')!;
      expect(run.kind).toBe(kind);
      const names: (keyof ResearchCounts)[] = ['cards', 'atoms', 'searches', 'packs', 'assets'];
      expect(names.filter((name) => run[name] > 0)).toEqual(counts);
      const status = { 'nexus.ingest_requested': 'running', 'nexus.ingest_failed': 'failed' } as Record<string, string>;
      expect(run.status).toBe(status[type] ?? 'completed');
    },
  );

  it('running from the first task to the end of the last one', () => {
    const second = newTaskId();
    const recorded = new Recorded().batch([requested(), requested(second)]);
    expect(recorded.run('study')!.status).toBe('running');
    recorded.batch([indexed(1, 3, [{ task_id: task, documents: 1, chunks: 3 }])]);
    expect(recorded.run('study')).toMatchObject({ status: 'running', cards: 1, atoms: 3 });
    expect(recorded.batch([completed(1, 4)]).run('study')).toMatchObject({ status: 'running', cards: 1, atoms: 4 });
    expect(recorded.batch([failed({}, second)]).run('study')).toMatchObject({ status: 'failed', cards: 1, atoms: 4 });
    expect(recorded.batch([searched()]).run('study')).toMatchObject({ status: 'failed', searches: 1, kind: 'ingest' });
    expect(recorded.batch([completed(2, 2, {}, second)]).run('study')).toMatchObject({ status: 'completed', cards: 3 });
    expect(recorded.batch([requested(newTaskId())]).run('study')!.status).toBe('running');
  });

  it('a refused document is no card', () => {
    const errors = [
      { document_id: 'b', code: 'nexus.blob_not_found', message: 'gone' },
      { code: 'x.y', message: 'more of them' },
    ];
    expect(new Recorded().batch([requested(), completed(3, 4, { errors })]).run('study')).toMatchObject({ cards: 2 });
  });

  it('a commit for tasks of two runs counts for each what is its own', () => {
    const second = newTaskId();
    const tasks = [
      { task_id: task, documents: 1, chunks: 3 },
      { task_id: second, documents: 4, chunks: 7 },
    ];
    const recorded = new Recorded().batch([requested(), requested(second, { correlationid: 'other' })]);
    recorded.batch([indexed(5, 10, tasks)]);
    expect(recorded.runs.map(({ id, cards, atoms }) => [id, cards, atoms])).toEqual([
      ['other', 4, 7],
      ['study', 1, 3],
    ]);
  });

  it('progress that comes before its task counts once the task is known', () => {
    const recorded = new Recorded().batch([indexed(1, 3, [{ task_id: task, documents: 1, chunks: 3 }])]);
    expect(recorded.runs).toEqual([]);
    expect(recorded.batch([requested()]).run('study')).toMatchObject({ cards: 1, atoms: 3, status: 'running' });
  });
});

/** All events of some tasks, questions, packs and assets of two runs. */
const history = fc
  .record({
    tasks: fc.array(
      fc.record({
        run: fc.constantFrom('one', 'two'),
        steps: fc.array(fc.tuple(fc.nat(5), fc.nat(20)), { maxLength: 3 }),
        end: fc.constantFrom('open', 'completed', 'failed', 'failed, then completed'),
        refused: fc.nat(3),
      }),
      { maxLength: 5 },
    ),
    others: fc.array(
      fc.tuple(fc.constantFrom('searched', 'pack', 'asset', 'indexed'), fc.constantFrom('one', 'two'), fc.nat(9)),
      { maxLength: 8 },
    ),
  })
  .map(({ tasks, others }) => [
    ...tasks.flatMap(({ run, steps, end, refused }) => taskEvents(run, steps, end, refused)),
    ...others.map(([what, correlationid, minute]) => otherEvent(what, { correlationid, time: at(minute) })),
  ]);
const at = (minute: number) => `2026-01-31T12:${String(minute).padStart(2, '0')}:00.000Z`;

function otherEvent(what: string, envelope: { correlationid: string; time: string }): NexusEvent {
  if (what === 'searched') return searched(envelope);
  if (what === 'indexed') return indexed(2, 3, [], envelope);
  return what === 'pack'
    ? eventOf('nexus.pack_created', { pack_id: 'p' }, envelope)
    : eventOf('nexus.raw_asset_created', { asset_id: 'a' }, envelope);
}

function taskEvents(run: string, steps: [number, number][], end: string, refused: number): NexusEvent[] {
  const id = newTaskId();
  const envelope = (minute: number) => ({ correlationid: run, time: at(minute) });
  let [documents, chunks] = [0, 0];
  const progress = steps.map(([moreDocuments, moreChunks], index) => {
    [documents, chunks] = [documents + moreDocuments, chunks + moreChunks];
    return indexed(moreDocuments, moreChunks, [{ task_id: id, documents, chunks }], envelope(10 + index));
  });
  const errors = Array.from({ length: refused }, (_, index) => ({
    document_id: `d${index}`,
    code: 'x.y',
    message: 'no',
  }));
  const about = { task_id: id, documents: documents + refused, chunks };
  const failure = eventOf('nexus.ingest_failed', { ...about, errors: [{ code: 'x.y', message: 'no' }] }, envelope(20));
  const completion = eventOf('nexus.ingest_completed', { ...about, errors }, envelope(30));
  const ends = { completed: [completion], failed: [failure], 'failed, then completed': [failure, completion] };
  return [requested(id, envelope(1)), ...progress, ...(ends[end as keyof typeof ends] ?? [])];
}

describe('in any order', () => {
  const shuffled = history.chain((events) =>
    fc.record({
      events: fc.constant(events),
      order: fc.shuffledSubarray(
        [...events, ...events].map((_, index) => index % events.length),
        { minLength: 2 * events.length },
      ),
      batches: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 }),
    }),
  );

  it('and however often events come, and in whatever batches, the runs are the same', () => {
    fc.assert(
      fc.property(shuffled, ({ events, order, batches }) => {
        const expected = new Recorded().batch(events).runs;
        const recorded = new Recorded();
        for (let from = 0, at = 0; from < order.length; at += 1) {
          const size = batches[at % batches.length]!;
          recorded.batch(order.slice(from, from + size).map((index) => events[index]!));
          from += size;
        }
        // A progress that came before its task did not move the time of its run: counts and status are the same.
        const counted = (runs: typeof expected) =>
          runs.map(({ started_at: _started, last_event_at: _last, ...run }) => run);
        expect(counted(recorded.runs)).toEqual(counted(expected));
      }),
      { numRuns: 300 },
    );
  });

  it('no count is ever below nothing, and a run ends when the last of its tasks does', () => {
    fc.assert(
      fc.property(shuffled, ({ events, order }) => {
        const recorded = new Recorded();
        for (const index of order) {
          recorded.batch([events[index]!]);
          for (const run of recorded.runs) {
            const { tasks_open, tasks_failed, cards, atoms } = run;
            expect(Math.min(tasks_open, tasks_failed, cards, atoms)).toBeGreaterThanOrEqual(0);
          }
        }
        for (const { id, status } of recorded.runs) {
          const open = events.filter(
            ({ type, correlationid }) => correlationid === id && type === 'nexus.ingest_requested',
          );
          const ended = (event: NexusEvent) =>
            events.some(
              ({ type, data }) =>
                (type === 'nexus.ingest_completed' || type === 'nexus.ingest_failed') &&
                (data as { task_id: string }).task_id === (event.data as { task_id: string }).task_id,
            );
          expect(status === 'running').toBe(open.some((event) => !ended(event)));
        }
      }),
      { numRuns: 100 },
    );
  });
});
