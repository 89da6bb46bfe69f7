import { describe, expect, it } from '@jest/globals';
import {
  affinityOf,
  EVENT_DEFINITIONS,
  type EventType,
  isStepEventType,
  newEventId,
  type SubmittedEvent,
} from '@runspine/contracts';
import { murmur2, partitionFor } from '@runspine/kafka';
import { decide, isStepEvent, record, Replay, STALE_AFTER_S, type View } from '@runspine/run-model';
import { EVENT_RULES, type RunPlace, type StepPlace } from '../../libs/contracts/src/render/event-rules.js';
import { eventsPage } from '../../libs/contracts/src/render/events-page.js';
import { EXAMPLE, exampleEvent, minimalData, PARTITION_EXAMPLES } from '../../libs/contracts/src/render/examples.js';

/** What docs/events.md says of other packages: of the state machine's moves and of Kafka's partitions. */

function event(type: EventType, data: object = {}): SubmittedEvent {
  return { ...exampleEvent(type), id: newEventId(), data: { ...minimalData(type), ...data } } as SubmittedEvent;
}

/** The state after these events. */
function after(...events: SubmittedEvent[]): View {
  const replay = new Replay();
  for (const each of events) {
    const view = replay.viewOf(isStepEvent(each) ? each.data.step_id : null);
    if (decide(view, each).kind !== 'apply') throw new Error(`${each.type} was refused`);
    const run_sequence = (view.run?.version ?? 0) + 1;
    replay.apply(record(view, each, { run_sequence, room_sequence: null, recorded_at: EXAMPLE.time }));
  }
  return replay.viewOf(EXAMPLE.stepId);
}

const open = () => [event('run.created'), event('run.started')];
const started = () => [...open(), event('step.created'), event('step.started')];

const RUNS: Record<RunPlace, () => View> = {
  none: () => after(),
  created: () => after(event('run.created'), event('step.created')),
  running: () => after(...open(), event('step.created')),
  completed: () => after(...open(), event('step.created'), event('run.completed')),
  failed: () => after(...open(), event('step.created'), event('run.failed')),
  cancelled: () => after(...open(), event('step.created'), event('run.cancelled')),
};

const STEPS: Record<StepPlace, () => View> = {
  none: () => after(...open()),
  pending: () => after(...open(), event('step.created')),
  running: () => after(...started()),
  completed: () => after(...started(), event('step.completed')),
  failed: () => after(...started(), event('step.failed')),
  skipped: () => after(...open(), event('step.created'), event('step.skipped')),
};

/** The event as its condition wants it: where any state accepts it, it is accepted. */
const WILLING: Partial<Record<EventType, object>> = {
  'step.started': { attempt: 2 },
  'step.completed': { source: 'checkpoint' },
};

function accepting<Place extends string>(places: Record<Place, () => View>, submitted: SubmittedEvent): Place[] {
  return (Object.keys(places) as Place[]).filter((place) => decide(places[place](), submitted).kind === 'apply');
}

const types = EVENT_DEFINITIONS.map(({ type }) => type);

describe('the states of docs/events.md', () => {
  it.each(types)('accept %s in the state machine, and no others do', (type) => {
    const rule = EVENT_RULES[type];
    const submitted = event(type, WILLING[type]);
    if (!isStepEventType(type)) {
      expect(accepting(RUNS, submitted).sort()).toEqual([...rule.run].sort());
      return;
    }
    expect(accepting(STEPS, submitted).sort()).toEqual([...rule.step!].sort());
    const another = { ...submitted, data: { ...submitted.data, step_id: EXAMPLE.stepId.replace(/.$/, '0') } };
    const runs = Object.fromEntries(
      (Object.keys(RUNS) as RunPlace[]).map((place) => [
        place,
        () => (type === 'step.created' ? { ...RUNS[place](), step: undefined } : RUNS[place]()),
      ]),
    ) as typeof RUNS;
    const accepted = accepting(runs, (type === 'step.created' ? another : submitted) as SubmittedEvent);
    expect(accepted.sort()).toEqual([...rule.run].sort());
  });

  it('have the conditions that stand beside them', () => {
    expect(Object.keys(WILLING).sort()).toEqual(types.filter((type) => EVENT_RULES[type].condition).sort());
    expect(decide(STEPS.failed(), event('step.started', { attempt: 1 })).kind).toBe('refuse');
    expect(decide(STEPS.failed(), event('step.started')).kind).toBe('refuse');
    expect(decide(STEPS.pending(), event('step.started')).kind).toBe('apply');
    expect(decide(STEPS.pending(), event('step.completed')).kind).toBe('refuse');
  });
});

describe('the numbers of docs/events.md', () => {
  it.each(PARTITION_EXAMPLES)('$key lies where Kafka puts it', ({ key, murmur2: hash, of4, of12 }) => {
    expect(murmur2(key)).toBe(hash);
    expect([partitionFor(key, 4), partitionFor(key, 12)]).toEqual([of4, of12]);
  });

  it('has the affinity of its room in the run id', () => {
    const { tenantId, env, roomId, affinity, runId } = EXAMPLE;
    expect(affinityOf({ tenantId, env, roomId })).toBe(affinity);
    expect(runId.slice(16, 24)).toBe(affinity);
  });

  it('tells the default of stale_after_s', () => {
    expect(eventsPage()).toContain(`reads \`stalled\`; ${STALE_AFTER_S} by default`);
  });

  it('gives murmur2 in words that lead to the same numbers', () => {
    for (const { key, murmur2: hash } of PARTITION_EXAMPLES) expect(asWritten(Buffer.from(key))).toBe(hash);
    for (let length = 0; length < 12; length++) {
      const key = Buffer.alloc(length, 0xe7);
      expect(asWritten(key)).toBe(murmur2(key));
    }
  });
});

/** murmur2 as the page has it, line by line. */
function asWritten(bytes: Buffer): number {
  const M = 0x5bd1e995n;
  const mod = (value: bigint) => BigInt.asUintN(32, value);
  let h = 0x9747b28cn ^ BigInt(bytes.length);
  const whole = bytes.length - (bytes.length % 4);
  for (let at = 0; at < whole; at += 4) {
    let k = BigInt(bytes.readUInt32LE(at));
    k = mod(k * M);
    k ^= k >> 24n;
    k = mod(k * M);
    h = mod(h * M) ^ k;
  }
  const rest = [...bytes.subarray(whole)];
  if (rest.length > 0) h = mod((h ^ rest.reduce((sum, byte, at) => sum | (BigInt(byte) << BigInt(8 * at)), 0n)) * M);
  h = mod((h ^ (h >> 13n)) * M);
  h ^= h >> 15n;
  return Number(BigInt.asIntN(32, h));
}
