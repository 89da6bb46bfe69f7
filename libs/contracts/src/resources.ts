import Type, { type Static } from 'typebox';
import { Count, DateTime, ErrorInfo, Json, Metrics, orNull, Score, Tags } from './fields.js';
import { EventId, NameId, RunId, StepId } from './ids.js';

const Text = Type.String();

/** The states of a run. The last three are final. */
export const RUN_STATUSES = ['created', 'running', 'completed', 'failed', 'cancelled'] as const;
/** The states of a step. `unreported`: its run ended and it never said how it did. */
export const STEP_STATUSES = ['pending', 'running', 'completed', 'failed', 'skipped', 'unreported'] as const;
export const RunStatus = Type.Enum([...RUN_STATUSES]);
export const StepStatus = Type.Enum([...STEP_STATUSES]);
export type RunStatus = (typeof RUN_STATUSES)[number];
export type StepStatus = (typeof STEP_STATUSES)[number];

/** A run as the API shows it. Times are RFC 3339, absent values null. */
export const Run = Type.Object({
  run_id: RunId,
  tenant_id: NameId,
  env: NameId,
  project_id: NameId,
  surface_id: NameId,
  room_id: orNull(NameId),
  external_id: orNull(Text),
  name: orNull(Text),
  kind: orNull(Text),
  stage: orNull(Text),
  parent_run_id: orNull(RunId),
  rerun_of: orNull(RunId),
  command: orNull(Text),
  cwd: orNull(Text),
  stale_after_s: Type.Integer({ description: 'Seconds of silence after which the run reads stalled.' }),
  input: Json,
  output: Json,
  tags: Tags,
  scores: Type.Array(Score),
  metadata: Type.Record(Text, Json),
  code_ref: orNull(Text),
  config_hash: orNull(Text),
  input_fingerprint: orNull(Text),
  trace_id: orNull(Text),
  status: RunStatus,
  version: Type.Integer({ minimum: 1, description: 'The run sequence of the last applied event; the ETag.' }),
  task_count: orNull(Count),
  error: orNull(ErrorInfo),
  failed_step_id: orNull(StepId),
  cancel_reason: orNull(Text),
  source: orNull(Type.Enum(['executed', 'checkpoint'])),
  checkpoint_run_id: orNull(RunId),
  duration_ms: orNull(Type.Number()),
  metrics: Metrics,
  correlation_id: Text,
  created_at: DateTime,
  started_at: orNull(DateTime),
  ended_at: orNull(DateTime),
  last_seen_at: DateTime,
  erased_at: orNull(DateTime),
});
/** A run as the state machine and the projection know it, without the reading `stalled`. */
export type Run = Static<typeof Run>;

/** A run as read over HTTP: with `stalled`, which depends on the clock. */
export const RunResource = Type.Object({
  ...Run.properties,
  stalled: Type.Boolean({ description: 'An open run that gave no sign of life for stale_after_s.' }),
});
export type RunResource = Static<typeof RunResource>;

/** A step as the API shows it. */
export const StepResource = Type.Object({
  run_id: RunId,
  step_id: StepId,
  name: orNull(Text),
  kind: orNull(Text),
  parent_step_id: orNull(StepId),
  depends_on: Type.Array(StepId),
  attempt: Type.Integer({ minimum: 1 }),
  status: StepStatus,
  inputs: Json,
  output: Json,
  error: orNull(ErrorInfo),
  skip_reason: orNull(Text),
  source: orNull(Type.Enum(['executed', 'checkpoint'])),
  duration_ms: orNull(Type.Number()),
  metrics: Metrics,
  created_at: DateTime,
  started_at: orNull(DateTime),
  ended_at: orNull(DateTime),
  /** Place in the run: the run sequence of its step.created. */
  created_sequence: Type.Integer({ minimum: 1 }),
});
export type StepResource = Static<typeof StepResource>;

/** An applied event as the API and the streams show it. */
export const EventResource = Type.Object({
  event_id: EventId,
  type: Text,
  time: DateTime,
  source: Text,
  tenant_id: NameId,
  env: NameId,
  project_id: NameId,
  surface_id: NameId,
  run_id: RunId,
  step_id: orNull(StepId),
  room_id: orNull(NameId),
  run_sequence: Type.Integer({ minimum: 1 }),
  room_sequence: orNull(Type.Integer({ minimum: 1 })),
  correlation_id: Text,
  causation_id: orNull(Text),
  producer_correlation_id: orNull(Text),
  producer_causation_id: orNull(Text),
  traceparent: orNull(Text),
  recorded_at: DateTime,
  data: Type.Record(Text, Json),
});
export type EventResource = Static<typeof EventResource>;

/** A readable event that the state machine refused. */
export const RejectionResource = Type.Object({
  event_id: EventId,
  type: Text,
  run_id: RunId,
  step_id: orNull(StepId),
  env: NameId,
  reason: Text,
  /** The state that refused it, such as `completed`; null where there was none. */
  current: orNull(Text),
  /** The run's version then; null without a run. */
  version: orNull(Type.Integer()),
  time: DateTime,
  recorded_at: DateTime,
  source: Text,
  correlation_id: orNull(Text),
  data: Type.Record(Text, Json),
});
export type RejectionResource = Static<typeof RejectionResource>;
