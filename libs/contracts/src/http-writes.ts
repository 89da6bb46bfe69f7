import Type, { type Static, type TObject, type TProperties } from 'typebox';
import { Compile } from 'typebox/compile';
import { type EventDefinition, faultsOf } from './define-event.js';
import { EVENT_DEFINITIONS } from './events.js';
import { CorrelationId, EventId, RunId, StepId } from './ids.js';
import type { Fault } from './json.js';
import {
  runAnnotated,
  runCancelled,
  runCompleted,
  runCreated,
  runErased,
  runFailed,
  runHeartbeat,
  runStarted,
} from './run-events.js';
import { stepCompleted, stepCreated, stepFailed, stepSkipped, stepStarted } from './step-events.js';

/** Most events that one batch of `POST /v1/runs/:runId/events` may have. */
export const BATCH_EVENTS_MAX = 1000;
/** Largest body of a request, in bytes. */
export const BODY_BYTES_MAX = 1024 * 1024;
/** Longest wait for an outcome that `Prefer: wait=N` can ask for, in seconds. */
export const WAIT_S_MAX = 60;

const Time = Type.String({
  description: 'When it happened: RFC 3339, at most 24 h ahead. The time of arrival when absent.',
  examples: ['2026-01-31T12:00:00.000Z'],
});
const OwnEventId = Type.String({
  ...EventId,
  description: 'The id of the event, brought by the caller: the same command with the same id applies once.',
});

/** A write over HTTP: the event that it submits, and the body that it takes. */
export interface CommandDefinition {
  /** Name in documents, such as `StartRun`. */
  readonly name: string;
  readonly event: EventDefinition;
  /** Schema of the body: the event's data without what the path says, beside `event_id` and `time`. */
  readonly body: TObject;
  /** Fields of the body that are the envelope's, not the data's. */
  readonly envelopeFields: ReadonlySet<string>;
  /** Which resource the answer has. */
  readonly resource: 'run' | 'step';
  /** True where a body fits. */
  check(body: unknown): boolean;
  /** Every fault of a body, with paths as JSON pointers. */
  faults(body: unknown): Fault[];
}

/** The run's or step's id, where a caller brings its own. */
const own = { run_id: Type.Optional(RunId), step_id: Type.Optional(StepId) };

/** `POST /v1/runs` */
export const createRun = defineCommand('CreateRun', runCreated, 'run', {
  run_id: own.run_id,
  correlation_id: Type.Optional(CorrelationId),
});
/** `POST /v1/runs/:runId/start` */
export const startRun = defineCommand('StartRun', runStarted, 'run');
/** `POST /v1/runs/:runId/complete` */
export const completeRun = defineCommand('CompleteRun', runCompleted, 'run');
/** `POST /v1/runs/:runId/fail` */
export const failRun = defineCommand('FailRun', runFailed, 'run');
/** `POST /v1/runs/:runId/cancel` */
export const cancelRun = defineCommand('CancelRun', runCancelled, 'run');
/** `POST /v1/runs/:runId/heartbeat` */
export const heartbeatRun = defineCommand('HeartbeatRun', runHeartbeat, 'run');
/** `POST /v1/runs/:runId/annotate` */
export const annotateRun = defineCommand('AnnotateRun', runAnnotated, 'run');
/** `POST /v1/runs/:runId/erase` */
export const eraseRunPayloads = defineCommand('EraseRun', runErased, 'run');
/** `POST /v1/runs/:runId/steps` */
export const createStep = defineCommand('CreateStep', stepCreated, 'step', { step_id: own.step_id });
/** `POST /v1/runs/:runId/steps/:stepId/start` */
export const startStep = defineCommand('StartStep', stepStarted, 'step');
/** `POST /v1/runs/:runId/steps/:stepId/complete` */
export const completeStep = defineCommand('CompleteStep', stepCompleted, 'step');
/** `POST /v1/runs/:runId/steps/:stepId/fail` */
export const failStep = defineCommand('FailStep', stepFailed, 'step');
/** `POST /v1/runs/:runId/steps/:stepId/skip` */
export const skipStep = defineCommand('SkipStep', stepSkipped, 'step');

/** Every write that submits one event. */
export const COMMANDS: readonly CommandDefinition[] = [
  createRun,
  startRun,
  completeRun,
  failRun,
  cancelRun,
  heartbeatRun,
  annotateRun,
  eraseRunPayloads,
  createStep,
  startStep,
  completeStep,
  failStep,
  skipStep,
];

/** One event of a batch. `data` fits the definition of its type; its run_id may be left out. */
export const BatchEvent = Type.Object({
  type: Type.Enum(EVENT_DEFINITIONS.map(({ type }) => type)),
  data: Type.Record(Type.String(), Type.Unknown(), {
    description: "The event's data as its type defines it; run_id may be absent, or the path's.",
  }),
  id: Type.Optional(OwnEventId),
  time: Type.Optional(Time),
});

/** The body of `POST /v1/runs/:runId/events`. */
export const EventBatch = Type.Object({
  events: Type.Array(BatchEvent, { minItems: 1, maxItems: BATCH_EVENTS_MAX }),
});
export interface EventBatch {
  events: { type: string; data: Record<string, unknown>; id?: string; time?: string }[];
}

const compiledBatch = Compile(EventBatch);

/** Every fault of a batch's shape; the data of its events is the matter of their definitions. */
export function batchFaults(body: unknown): Fault[] {
  return compiledBatch.Check(body) ? [] : faultsOf(compiledBatch, body);
}

/** The answer 202: Kafka has the event, and what became of it is not known yet. */
export const Pending = Type.Object({
  event_id: EventId,
  run_id: RunId,
  step_id: Type.Optional(StepId),
  outcome: Type.Literal('pending'),
});
export type Pending = Static<typeof Pending>;

/** What became of one event of a batch. */
export const BatchResult = Type.Object({
  event_id: EventId,
  outcome: Type.Enum(['applied', 'rejected', 'parked', 'pending']),
  run_sequence: Type.Optional(Type.Integer({ description: 'Of an applied event.' })),
  room_sequence: Type.Optional(Type.Integer({ description: 'Of an applied event of a run in a room.' })),
  reason: Type.Optional(Type.String({ description: 'Of a rejected event: a code of the registry.' })),
  current: Type.Optional(Type.String({ description: 'Of a rejected event: the state that refused it.' })),
  version: Type.Optional(Type.Integer({ description: "Of a rejected event: the run's version then." })),
  sqlstate: Type.Optional(Type.String({ description: 'Of a parked event: why PostgreSQL refused it.' })),
  repeat: Type.Optional(Type.Literal(true, { description: 'The outcome is a first one, told again.' })),
});
export type BatchResult = Static<typeof BatchResult>;

/** The answer of a batch: an outcome an event, in order. */
export const BatchResults = Type.Object({ results: Type.Array(BatchResult) });
export type BatchResults = Static<typeof BatchResults>;

function defineCommand(
  name: string,
  event: EventDefinition,
  resource: 'run' | 'step',
  more: TProperties = {},
): CommandDefinition {
  const data = { ...event.schema.properties };
  delete data.run_id;
  delete data.step_id;
  const body = Type.Object(
    { ...data, ...more, event_id: Type.Optional(OwnEventId), time: Type.Optional(Time) },
    { additionalProperties: true, description: event.description },
  );
  const compiled = Compile(body);
  return {
    name,
    event,
    body,
    resource,
    envelopeFields: new Set(['event_id', 'time', ...('correlation_id' in more ? ['correlation_id'] : [])]),
    check: (value) => compiled.Check(value),
    faults: (value) => faultsOf(compiled, value),
  };
}
