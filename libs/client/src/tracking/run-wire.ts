import { isStepId, newStepId } from '../ids.js';
import type { RunFields } from '../resources/event-data.js';
import { boundedValue, jsonText, SIDE_VALUE_BYTES_MAX } from './json-text.js';
import type { LogEntry } from './log-entry.js';
import { clipped, countOf, metricsOf, type WireEvent, wireEvent } from './wire-event.js';

/** The run that a log's entries are of. */
export interface WiredRun {
  readonly runId: string;
  /** Unix milliseconds at which the log began. */
  readonly startedAtMs: number;
  /** What `run.created` says; asked once, when it is needed. */
  readonly fields: () => RunFields;
  readonly correlationId?: string | undefined;
  readonly traceparent?: string | undefined;
}

/** An event that is no entry of the log, such as an annotation; kept in order with the entries around it. */
export interface RawEvent {
  readonly type: 'run.annotated' | 'run.heartbeat' | 'run.cancelled' | 'run.completed';
  readonly atMs: number;
  readonly data: Record<string, unknown>;
}

interface WiredTask {
  readonly stepId: string;
  attempts: number;
  running: boolean;
}

/**
 * Turns the entries of one log into events of a run, in order. What the state machine needs and nobody said is put in:
 * the run and its start before anything else, a step before what happens to it, its start before its end.
 */
export class RunWire {
  private begun = false;
  private ended = false;
  private readonly tasks = new Map<string, WiredTask>();

  constructor(private readonly run: WiredRun) {}

  get runId(): string {
    return this.run.runId;
  }

  eventsOf(given: LogEntry | RawEvent): WireEvent[] {
    const events: WireEvent[] = [];
    const atMs = this.run.startedAtMs + given.atMs;
    if (!this.begun) this.begin(events, atMs, given);
    if (!('id' in given)) {
      events.push(wireEvent(this.runId, given.type, atMs, given.data));
      return events;
    }
    const data = given.data;
    if (given.type === 'workflow_completed' || given.type === 'workflow_failed') {
      this.end(events, atMs, given.type, data);
    } else if (given.type !== 'workflow_started') {
      this.task(events, atMs, given, data);
    }
    return events;
  }

  private begin(events: WireEvent[], atMs: number, first: LogEntry | RawEvent): void {
    this.begun = true;
    const { correlationId, traceparent } = this.run;
    const fields = runFieldsOf(this.run.fields());
    events.push(wireEvent(this.runId, 'run.created', atMs, fields, { correlationId, traceparent }));
    const count = 'id' in first && first.type === 'workflow_started' ? countOf(first.data.task_count) : undefined;
    events.push(wireEvent(this.runId, 'run.started', atMs, count === undefined ? {} : { task_count: count }));
  }

  private end(events: WireEvent[], atMs: number, type: LogEntry['type'], data: Record<string, unknown>): void {
    if (this.ended) return;
    this.ended = true;
    const common = { ...durationOf(data), ...measured(data) };
    if (type === 'workflow_completed') {
      events.push(wireEvent(this.runId, 'run.completed', atMs, { ...outputOf(data), ...common }));
      return;
    }
    const failed = this.tasks.get(String(data.failed_task_id));
    const step = failed ? { failed_step_id: failed.stepId } : {};
    events.push(wireEvent(this.runId, 'run.failed', atMs, { error: errorOf(data.error), ...step, ...common }));
  }

  private task(events: WireEvent[], atMs: number, { type, taskId }: LogEntry, data: Record<string, unknown>): void {
    const task = this.taskOf(events, atMs, taskId ?? 'workflow', type === 'task_scheduled' ? data : {});
    const put = (name: string, fields: Record<string, unknown>) =>
      events.push(wireEvent(this.runId, name, atMs, { step_id: task.stepId, ...fields }));
    const begin = (given?: unknown) => {
      const attempt = countOf(given) || task.attempts + 1;
      task.attempts = Math.max(attempt, task.attempts);
      task.running = true;
      put('step.started', attempt === 1 ? {} : { attempt });
    };
    switch (type) {
      case 'task_inputs_resolved':
        return void put('step.inputs_resolved', { inputs: boundedValue(data.inputs ?? null) });
      case 'task_started':
        return begin(data.attempt);
      case 'task_completed': {
        if (!task.running) begin();
        task.running = false;
        return void put('step.completed', { ...outputOf(data), ...durationOf(data), ...measured(data) });
      }
      case 'task_failed':
        task.running = false;
        return void put('step.failed', { error: errorOf(data.error), ...durationOf(data), ...measured(data) });
      case 'template_resolved': {
        const { template = null, result = null } = data;
        return void put('step.template_resolved', {
          template: boundedValue(template, SIDE_VALUE_BYTES_MAX),
          result: boundedValue(result),
        });
      }
      case 'provider_called':
        return void put('step.provider_called', { ...providerOf(data), prompt_len: countOf(data.prompt_len) ?? 0 });
      case 'provider_responded':
        return void put('step.provider_responded', {
          ...providerOf(data),
          output_len: countOf(data.output_len) ?? 0,
          ...tokensOf(data),
        });
      case 'schema_validated':
        return void put('step.schema_validated', {
          schema_path: clipped(data.schema_path ?? '', 1024),
          valid: data.valid === true,
        });
      default:
        return;
    }
  }

  private taskOf(events: WireEvent[], atMs: number, taskId: string, data: Record<string, unknown>): WiredTask {
    const known = this.tasks.get(taskId);
    if (known) return known;
    const named = [taskId, data.step_id].find((id): id is string => typeof id === 'string' && isStepId(id));
    const task: WiredTask = { stepId: named ?? newStepId(atMs), attempts: 0, running: false };
    this.tasks.set(taskId, task);
    const parent = this.tasks.get(String(data.parent_task_id));
    const dependsOn = Array.isArray(data.depends_on)
      ? data.depends_on.flatMap((id) => this.tasks.get(String(id))?.stepId ?? []).slice(0, 256)
      : [];
    const fields = {
      step_id: task.stepId,
      name: clipped(data.name ?? taskId, 512),
      ...(data.kind === undefined ? {} : { kind: clipped(data.kind, 128) }),
      ...(parent ? { parent_step_id: parent.stepId } : {}),
      ...(dependsOn.length > 0 ? { depends_on: dependsOn } : {}),
    };
    events.push(wireEvent(this.runId, 'step.created', atMs, fields));
    return task;
  }
}

/** `output` is only ever the whole of it: a checkpoint may stand on it. */
function outputOf({ output, output_preview: preview }: Record<string, unknown>): Record<string, unknown> {
  const bounded = boundedValue(output);
  if (output !== undefined && bounded === output) return { output };
  const shown = preview ?? bounded;
  return shown === undefined ? {} : { output_preview: boundedValue(shown) };
}

function durationOf(data: Record<string, unknown>): { duration_ms?: number } {
  const { duration_ms: ms } = data;
  return typeof ms === 'number' && ms >= 0 && ms <= Number.MAX_SAFE_INTEGER ? { duration_ms: ms } : {};
}

function measured(data: Record<string, unknown>): object {
  const metrics = metricsOf(data.metrics);
  return metrics === undefined ? {} : { metrics: boundedValue(metrics, SIDE_VALUE_BYTES_MAX) };
}

function providerOf(data: Record<string, unknown>): { provider: string; model: string } {
  return { provider: clipped(data.provider ?? '', 128), model: clipped(data.model ?? '', 128) };
}

function tokensOf(data: Record<string, unknown>): Record<string, number> {
  const counts = ['tokens_used', 'tokens_in', 'tokens_out'].map((name) => [name, countOf(data[name])] as const);
  return Object.fromEntries(counts.filter((entry): entry is [string, number] => entry[1] !== undefined));
}

function errorOf(given: unknown): Record<string, unknown> {
  const error = (typeof given === 'object' && given !== null ? given : { message: given }) as Record<string, unknown>;
  const { code, message, detail, ...rest } = error;
  const bounded = boundedValue(rest, SIDE_VALUE_BYTES_MAX);
  return {
    ...(bounded === rest ? rest : {}),
    ...(code === undefined || code === '' ? {} : { code: clipped(code, 128) }),
    message: clipped(message ?? 'failed', 16_384),
    ...(detail === undefined ? {} : { detail: boundedValue(detail) }),
  };
}

const LENGTHS = {
  external_id: 512,
  name: 512,
  kind: 128,
  stage: 128,
  command: 16_384,
  cwd: 4096,
  code_ref: 512,
} as const;

/** The fields of `run.created` as the gateway takes them. */
export function runFieldsOf(given: RunFields): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (name in LENGTHS) fields[name] = clipped(value, LENGTHS[name as keyof typeof LENGTHS]);
    else if (name === 'tags') fields.tags = tagsOf(value as Record<string, unknown>);
    else if (name === 'metadata') fields.metadata = metadataOf(value as Record<string, unknown>);
    else if (name === 'input') fields.input = boundedValue(JSON.parse(jsonText(value)));
    else fields[name] = value;
  }
  return fields;
}

/** Tags as the gateway takes them: 64 at most. */
export function tagsOf(tags: Record<string, unknown>): Record<string, string> {
  const entries = Object.entries(tags).slice(0, 64);
  return Object.fromEntries(
    entries.map(([name, value]) => [
      clipped(name, 128),
      String(value).slice(0, 512).toWellFormed().replaceAll('\u0000', '\ufffd'),
    ]),
  );
}

/** Metadata as the gateway takes it: 256 names at most. */
export function metadataOf(metadata: Record<string, unknown>): unknown {
  const entries = Object.entries(metadata).slice(0, 256);
  const plain = entries.map(([name, value]) => [clipped(name, 256), JSON.parse(jsonText(value)) as unknown]);
  return boundedValue(Object.fromEntries(plain), SIDE_VALUE_BYTES_MAX);
}
