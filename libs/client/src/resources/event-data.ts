import type { ErrorInfo, Json, Metrics, ResultSource, Score } from './run-types.js';

/** What `run.created` says of a run, beside its id. */
export interface RunFields {
  /** The room that streams this run, for life. */
  room_id?: string;
  external_id?: string;
  name?: string;
  kind?: string;
  stage?: string;
  parent_run_id?: string;
  rerun_of?: string;
  command?: string;
  cwd?: string;
  /** Seconds of silence after which the run reads `stalled`; 900 by default. */
  stale_after_s?: number;
  input?: Json;
  tags?: Record<string, string>;
  metadata?: Record<string, Json>;
  code_ref?: string;
  config_hash?: string;
  input_fingerprint?: string;
  trace_id?: string;
}

interface OfRun {
  /** May be absent in a batch, whose path names the run. */
  run_id?: string;
}

interface OfStep extends OfRun {
  step_id: string;
}

interface Ended {
  duration_ms?: number;
  metrics?: Metrics;
}

/** The data of each type of event; docs/events.md has the whole of it. */
export interface EventDataByType {
  'run.created': OfRun & RunFields;
  'run.started': OfRun & { task_count?: number };
  'run.completed': OfRun & Ended & { output?: Json; source?: ResultSource; checkpoint_run_id?: string };
  'run.failed': OfRun & Ended & { error: ErrorInfo; failed_step_id?: string };
  'run.cancelled': OfRun & { reason?: string };
  'run.heartbeat': OfRun;
  'run.annotated': OfRun & { tags?: Record<string, string>; scores?: Score[]; metadata?: Record<string, Json> };
  'run.erased': OfRun & { reason: string };
  'step.created': OfStep & {
    name: string;
    kind?: string;
    parent_step_id?: string;
    depends_on?: string[];
    attempt?: number;
  };
  'step.inputs_resolved': OfStep & { inputs: Json };
  'step.started': OfStep & { attempt?: number };
  'step.completed': OfStep & Ended & { output?: Json; source?: ResultSource };
  'step.failed': OfStep & Ended & { error: ErrorInfo };
  'step.template_resolved': OfStep & { template: Json; result: Json };
  'step.provider_called': OfStep & { provider: string; model: string; prompt_len: number };
  'step.provider_responded': OfStep & {
    provider: string;
    model: string;
    output_len: number;
    tokens_used?: number;
    tokens_in?: number;
    tokens_out?: number;
  };
  'step.skipped': OfStep & { reason?: string };
  'step.schema_validated': OfStep & { schema_path: string; valid: boolean };
  'step.retrieved': OfStep & { space: string; query: Json; hits: { id: string; score: number }[]; snapshot: Json };
}

export type EventType = keyof EventDataByType;

/** One event of a batch. The same `id` again is harmless: it applies once. */
export type EventInput = {
  [T in EventType]: {
    type: T;
    /** Further fields are kept. */
    data: EventDataByType[T] & Record<string, Json>;
    /** A UUID; made where absent. */
    id?: string;
    /** RFC 3339; the time of arrival where absent. */
    time?: string;
  };
}[EventType];

/** The data of an event beside the run's and the step's ids, which a path names. */
export type BodyOf<T extends EventType> = Omit<EventDataByType[T], 'run_id' | 'step_id'> & {
  /** The event's own id, a UUID: the same command with the same id applies once. */
  event_id?: string;
  /** When it happened, RFC 3339. */
  time?: string;
};
