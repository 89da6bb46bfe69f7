/** Any JSON value. */
export type Json = unknown;

export type RunStatus = 'created' | 'running' | 'completed' | 'failed' | 'cancelled';
/** `unreported`: its run ended and it never said how it did. */
export type StepStatus = 'pending' | 'running' | 'completed' | 'failed' | 'skipped' | 'unreported';
export type ResultSource = 'executed' | 'checkpoint';

/** What was measured of a run or a step. Further fields are kept. */
export interface Metrics {
  rows_in?: number;
  rows_out?: number;
  llm_calls?: number;
  tokens?: number;
  tokens_in?: number;
  tokens_out?: number;
  cost_usd?: number;
  [name: string]: unknown;
}

/** Why a run or a step failed. Further fields are kept. */
export interface ErrorInfo {
  code?: string;
  message: string;
  detail?: Json;
  [name: string]: unknown;
}

/** A score that somebody gave a run; of one name the last counts. */
export interface Score {
  name: string;
  value: number;
  comment?: string;
  [name: string]: unknown;
}

/** A run as it is read. Times are RFC 3339; what is absent is null. */
export interface Run {
  run_id: string;
  tenant_id: string;
  env: string;
  project_id: string;
  surface_id: string;
  room_id: string | null;
  external_id: string | null;
  name: string | null;
  kind: string | null;
  stage: string | null;
  parent_run_id: string | null;
  rerun_of: string | null;
  command: string | null;
  cwd: string | null;
  stale_after_s: number;
  input: Json;
  output: Json;
  tags: Record<string, string>;
  scores: Score[];
  metadata: Record<string, Json>;
  code_ref: string | null;
  config_hash: string | null;
  input_fingerprint: string | null;
  trace_id: string | null;
  status: RunStatus;
  /** The run sequence of the last applied event; the ETag. */
  version: number;
  task_count: number | null;
  error: ErrorInfo | null;
  failed_step_id: string | null;
  cancel_reason: string | null;
  source: ResultSource | null;
  checkpoint_run_id: string | null;
  duration_ms: number | null;
  metrics: Metrics;
  correlation_id: string;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  last_seen_at: string;
  erased_at: string | null;
  /** An open run that gave no sign of life for `stale_after_s`. */
  stalled: boolean;
}

/** A step as it is read. */
export interface Step {
  run_id: string;
  step_id: string;
  name: string | null;
  kind: string | null;
  parent_step_id: string | null;
  depends_on: string[];
  attempt: number;
  status: StepStatus;
  inputs: Json;
  output: Json;
  error: ErrorInfo | null;
  skip_reason: string | null;
  source: ResultSource | null;
  duration_ms: number | null;
  metrics: Metrics;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  created_sequence: number;
}

/** An applied event. `type` says what `data` holds (docs/events.md). */
export interface RecordedEvent {
  event_id: string;
  type: string;
  time: string;
  source: string;
  tenant_id: string;
  env: string;
  project_id: string;
  surface_id: string;
  run_id: string;
  step_id: string | null;
  room_id: string | null;
  /** Gapless from 1 in the run. */
  run_sequence: number;
  /** Gapless from 1 in the room; null without a room. */
  room_sequence: number | null;
  correlation_id: string;
  causation_id: string | null;
  producer_correlation_id: string | null;
  producer_causation_id: string | null;
  traceparent: string | null;
  recorded_at: string;
  data: Record<string, Json>;
}

/** A run and its steps as of one of its events. */
export interface RunState {
  sequence: number;
  run: Run;
  steps: Step[];
}

/** What became of an event. */
export interface EventOutcome {
  event_id: string;
  outcome: 'applied' | 'rejected' | 'parked';
  first_event_id: string;
  run_id: string;
  step_id: string | null;
  run_sequence: number | null;
  room_sequence: number | null;
  reason: string | null;
  current: string | null;
  version: number | null;
  sqlstate: string | null;
  recorded_at: string;
  event: RecordedEvent | null;
}

/** A readable event that the state machine refused. */
export interface Rejection {
  event_id: string;
  type: string;
  run_id: string;
  step_id: string | null;
  env: string;
  reason: string;
  current: string | null;
  version: number | null;
  time: string;
  recorded_at: string;
  source: string;
  correlation_id: string | null;
  data: Record<string, Json>;
}

/** What became of one event of a batch. */
export interface BatchResult {
  event_id: string;
  outcome: 'applied' | 'rejected' | 'parked' | 'pending';
  run_sequence?: number;
  room_sequence?: number;
  reason?: string;
  current?: string;
  version?: number;
  sqlstate?: string;
  repeat?: true;
}

/** A page of a list. */
export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}
