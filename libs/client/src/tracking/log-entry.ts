import type { ErrorInfo, Json, Metrics } from '../resources/run-types.js';

interface OfTask {
  /** The task, by a name of your own or a step id; unique in the run. */
  task_id: string;
}

interface OfProvider {
  /** @default the task that is running, else a task of its own */
  task_id?: string;
  provider: string;
  model: string;
}

/** What each of the twelve kinds of entry says. */
export interface LogData {
  workflow_started: { task_count?: number };
  workflow_completed: { output?: Json; duration_ms?: number; metrics?: Metrics };
  workflow_failed: { error: ErrorInfo; failed_task_id?: string; duration_ms?: number; metrics?: Metrics };
  /** `step_id`: the step that it becomes; made where none is said. */
  task_scheduled: OfTask & {
    name?: string;
    kind?: string;
    parent_task_id?: string;
    depends_on?: string[];
    step_id?: string;
  };
  task_inputs_resolved: OfTask & { inputs: Json };
  task_started: OfTask & { attempt?: number };
  task_completed: OfTask & { output?: Json; duration_ms?: number; metrics?: Metrics };
  task_failed: OfTask & { error: ErrorInfo; duration_ms?: number; metrics?: Metrics };
  template_resolved: OfTask & { template: Json; result: Json };
  /** `prompt_len`: characters of the prompt. */
  provider_called: OfProvider & { prompt_len: number };
  /** `output_len`: characters of the answer. */
  provider_responded: OfProvider & {
    output_len: number;
    tokens_used?: number;
    tokens_in?: number;
    tokens_out?: number;
  };
  schema_validated: OfTask & { schema_path: string; valid: boolean };
}

export type LogKind = keyof LogData;

/** Every kind of entry, in the order of a workflow's life. */
export const LOG_KINDS = [
  'workflow_started',
  'workflow_completed',
  'workflow_failed',
  'task_scheduled',
  'task_inputs_resolved',
  'task_started',
  'task_completed',
  'task_failed',
  'template_resolved',
  'provider_called',
  'provider_responded',
  'schema_validated',
] as const satisfies readonly LogKind[];

/** An entry as JSON: tagged by `type`, which says what else it has. */
export type LogEntryJson = {
  [Kind in LogKind]: {
    /** From 1, in the order of emission. */
    id: number;
    /** Milliseconds since the log began. */
    at_ms: number;
    type: Kind;
  } & LogData[Kind];
}[LogKind];

/** An entry of a RunLog. What was said is kept as it was at that moment: later changes of its values do not show. */
export class LogEntry {
  constructor(
    readonly id: number,
    readonly type: LogKind,
    readonly taskId: string | undefined,
    /** Milliseconds since the log began. */
    readonly atMs: number,
    /** The data as JSON text. */
    readonly text: string,
  ) {}

  /** What was said; parsed anew at each look. */
  get data(): Record<string, unknown> {
    return JSON.parse(this.text) as Record<string, unknown>;
  }

  toJSON(): LogEntryJson {
    const atMs = Math.round(this.atMs * 1000) / 1000;
    return { id: this.id, at_ms: atMs, type: this.type, ...this.data } as unknown as LogEntryJson;
  }
}
