import {
  affinityOf,
  type Envelope,
  type EventType,
  type RecordedEvent,
  type SubmittedEvent,
} from '@runspine/contracts';
import { type Decision, decide } from './decide.js';
import { evolve } from './evolve.js';
import { record } from './record.js';
import { Replay } from './replay.js';
import { isStepEvent, type RunState, type StepState, type View } from './state.js';

export const ROOM = 'room-a';
export const RUN = `run_018bcfe56800${affinityOf({ tenantId: 'acme', env: 'default', roomId: ROOM })}000000000001`;
export const STEP = 'step_018bcfe5680000000000000000000001';
export const OTHER_STEP = 'step_018bcfe5680000000000000000000002';

const DATA: { [T in EventType]: object } = {
  'run.created': {},
  'run.started': {},
  'run.completed': {},
  'run.failed': { error: { message: 'broke' } },
  'run.cancelled': {},
  'run.heartbeat': {},
  'run.annotated': {},
  'run.erased': { reason: 'asked for' },
  'step.created': { name: 'read' },
  'step.inputs_resolved': { inputs: { path: 'a.md' } },
  'step.started': {},
  'step.completed': {},
  'step.failed': { error: { message: 'broke' } },
  'step.template_resolved': { template: 'Hi {x}', result: 'Hi you' },
  'step.provider_called': { provider: 'openai', model: 'm', prompt_len: 3 },
  'step.provider_responded': { provider: 'openai', model: 'm', output_len: 5 },
  'step.skipped': {},
  'step.schema_validated': { schema_path: 'out.json', valid: true },
  'step.retrieved': { space: 'docs', query: 'q', hits: [{ id: 'a', score: 1 }], snapshot: 's' },
};

let made = 0;

/** A submitted event: required fields filled in, an id and a time of its own, one second after the one before. */
export function event(type: EventType, data: object = {}, envelope: Partial<Envelope> = {}): SubmittedEvent {
  made += 1;
  const ids = type.startsWith('step.') ? { run_id: RUN, step_id: STEP } : { run_id: RUN };
  return {
    id: `00000000-0000-7000-8000-${made.toString(16).padStart(12, '0')}`,
    source: '/test',
    time: new Date(Date.UTC(2026, 0, 1) + made * 1000).toISOString(),
    subject: RUN,
    dataschema: `runspine://schemas/${type}/v1`,
    tenantid: 'acme',
    env: 'default',
    projectid: 'default',
    surfaceid: 'default',
    partitionkey: `acme/${RUN.slice(16, 24)}`,
    ...envelope,
    type,
    data: { ...ids, ...DATA[type], ...data },
  } as SubmittedEvent;
}

/** One run as a projector keeps it: decide, record, evolve. Everything the model is given is frozen first. */
export class Spine {
  readonly replay = new Replay();
  readonly history: RecordedEvent[] = [];
  recordedMs = Date.UTC(2026, 0, 2);

  submit(submitted: SubmittedEvent): Decision {
    deepFreeze(submitted);
    const view = this.viewOf(submitted);
    const decision = decide(view, submitted);
    if (decision.kind === 'refuse') return decision;
    const heartbeat = submitted.type === 'run.heartbeat';
    const version = view.run?.version ?? 0;
    const recorded = record(view, submitted, {
      run_sequence: heartbeat ? version : version + 1,
      room_sequence: null,
      recorded_at: new Date((this.recordedMs += 1000)).toISOString(),
    });
    this.replay.apply(deepFreeze(recorded));
    deepFreeze(this.state);
    if (!heartbeat) this.history.push(recorded);
    return decision;
  }

  viewOf(submitted: SubmittedEvent): View {
    return deepFreeze(this.replay.viewOf(isStepEvent(submitted) ? submitted.data.step_id : null));
  }

  get state(): { run: RunState | undefined; steps: StepState[] } {
    return { run: this.replay.run, steps: [...this.replay.steps.values()] };
  }

  get run(): RunState {
    if (!this.replay.run) throw new Error('There is no run');
    return this.replay.run;
  }

  step(id = STEP): StepState {
    const step = this.replay.steps.get(id);
    if (!step) throw new Error(`There is no step ${id}`);
    return step;
  }

  get last(): RecordedEvent {
    return this.history.at(-1)!;
  }
}

/** A run to which each of these events applied. */
export function given(...events: SubmittedEvent[]): Spine {
  const spine = new Spine();
  for (const each of events) {
    const decision = spine.submit(each);
    if (decision.kind === 'refuse') throw new Error(`${each.type} was refused: ${decision.reason} ${decision.current}`);
  }
  return spine;
}

/** The state after these applied events. */
export function fold(events: readonly RecordedEvent[]): Replay {
  const replay = new Replay();
  for (const each of events) replay.apply(each);
  return replay;
}

/** The state that PostgreSQL gives back. */
export function stored<T>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T);
}

/** As a projector that reads its state back between any two events. */
export function evolveStored(view: View, recorded: RecordedEvent): View {
  return evolve({ run: stored(view.run), step: stored(view.step) }, stored(recorded));
}

export function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
