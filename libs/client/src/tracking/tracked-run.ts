import { performance } from 'node:perf_hooks';
import { isStepId, newStepId } from '../ids.js';
import type { EventDataByType } from '../resources/event-data.js';
import type { Metrics } from '../resources/run-types.js';
import { errorInfoOf } from './error-info.js';
import type { LogEntry } from './log-entry.js';
import { inputPayload, outputPayload } from './payload.js';
import { tokensOf } from './replay.js';
import { currentContext, runWithin } from './run-context.js';
import { RunLog } from './run-log.js';
import { metadataOf, type RawEvent, tagsOf } from './run-wire.js';

/** A task to run inside a run. */
export interface TaskOptions {
  readonly name: string;
  /** What sort of task it is, such as `llm` or `tool`. */
  readonly kind?: string;
  /** Its id in the run's log. @default the name, with a number behind it where it came before */
  readonly id?: string;
  /** Ids of tasks that it waited for. */
  readonly dependsOn?: readonly string[];
  /** What it receives; recorded as it is now. */
  readonly inputs?: unknown;
  /** Whether its output is recorded, where it is small. @default true */
  readonly recordOutput?: boolean;
}

/** What runs as a task. */
export interface Task {
  readonly id: string;
  /** The step of the run that it becomes. */
  readonly stepId: string;
  readonly run: TrackedRun;
  /**
   * What a query of Nexus takes so that the step keeps what it found, as `nexus.query(space, { query, ...(await
   * task.step()) })`: waits until the gateway has the step. Empty where nothing is recorded, or the gateway is away.
   */
  step(timeoutMs?: number): Promise<{ run_id?: string; step_id?: string }>;
}

/** How a run reaches the sender. */
export interface RunChannel {
  take(entry: LogEntry | RawEvent): void;
  flush(timeoutMs?: number): Promise<boolean>;
}

/** Most that a task waits until the gateway has its step. */
const STEP_MS_MAX = 5000;

/** A run that is being recorded. Nothing of it throws, and nothing waits for the network, but what `task` runs. */
export class TrackedRun {
  readonly log: RunLog;
  private readonly beganMs = performance.now();
  private readonly taskNames = new Map<string, number>();
  private readonly stepIds = new Map<string, string>();
  private readonly measured: Metrics = {};
  private readonly tallied = { calls: 0, tokens: 0, in: 0, out: 0, split: true };
  private isOpen = true;

  constructor(
    readonly id: string,
    /** What its children share with it. */
    readonly family: { readonly correlationId: string; readonly room: string | undefined },
    private readonly channel: RunChannel | undefined,
    /** Called once, when it ends. */
    private readonly ended: () => void = () => undefined,
  ) {
    this.log = new RunLog({
      sink: {
        take: (entry) => this.take(entry),
        flush: (timeoutMs) => this.channel?.flush(timeoutMs) ?? Promise.resolve(true),
      },
    });
  }

  /** Unix milliseconds at which it began. */
  get startedAtMs(): number {
    return this.log.startedAtMs;
  }

  /** Whether it has not ended yet. */
  get open(): boolean {
    return this.isOpen;
  }

  /**
   * Runs `fn` as a task of this run: recorded as started, then completed or failed with what it threw, which is thrown on
   * unchanged. What it calls is part of the task, also across awaits.
   */
  async task<T>(options: string | TaskOptions, fn: (task: Task) => T | Promise<T>): Promise<T> {
    const task: TaskOptions = typeof options === 'string' ? { name: options } : options;
    const taskId = this.begin(task);
    const beganMs = performance.now();
    let output: T;
    try {
      output = await runWithin({ run: this, taskId }, () => fn(this.taskOf(taskId)));
    } catch (error) {
      const failed = { task_id: taskId, error: errorInfoOf(error), duration_ms: performance.now() - beganMs };
      this.log.emit('task_failed', failed);
      throw error;
    }
    const kept = task.recordOutput === false ? {} : outputPayload(output);
    this.log.emit('task_completed', { task_id: taskId, ...kept, duration_ms: performance.now() - beganMs });
    return output;
  }

  /** Adds to what is measured of the run: counts add up, anything else is kept as it was said last. */
  measure(metrics: Metrics): void {
    for (const [name, value] of Object.entries(metrics)) {
      const before = this.measured[name];
      this.measured[name] = typeof value === 'number' && typeof before === 'number' ? before + value : value;
    }
  }

  /** Adds tags, scores and metadata; the last of a name wins. */
  annotate({ tags, scores, metadata }: Omit<EventDataByType['run.annotated'], 'run_id'>): void {
    this.raw('run.annotated', {
      ...(tags ? { tags: tagsOf(tags) } : {}),
      ...(scores ? { scores: scores.slice(0, 64) } : {}),
      ...(metadata ? { metadata: metadataOf(metadata) } : {}),
    });
  }

  /** A sign of life. `trackRun` and `trackStage` give them by themselves. */
  heartbeat(): void {
    if (this.isOpen) this.raw('run.heartbeat', {});
  }

  /** It reached its end. A second end counts for nothing. */
  complete(output?: unknown, { record = true }: { record?: boolean } = {}): void {
    if (!this.isOpen) return;
    const payload = record ? outputPayload(output) : {};
    this.log.emit('workflow_completed', { ...payload, ...this.totals() });
  }

  /** It failed. */
  fail(error: unknown): void {
    if (!this.isOpen) return;
    this.log.emit('workflow_failed', { error: errorInfoOf(error), ...this.totals() });
  }

  /** It was not run: an earlier run's output stands for it. */
  completeFromCheckpoint(checkpointRunId: string): void {
    if (!this.isOpen) return;
    const data = { source: 'checkpoint', checkpoint_run_id: checkpointRunId, duration_ms: this.elapsedMs() };
    this.log.emit('workflow_started', {});
    this.raw('run.completed', data);
    this.close();
  }

  private taskOf(taskId: string): Task {
    const stepId = this.stepIdOf(taskId);
    const step = async (timeoutMs = STEP_MS_MAX) => {
      const known = this.channel !== undefined && (await this.channel.flush(timeoutMs));
      return known ? { run_id: this.id, step_id: stepId } : {};
    };
    return { id: taskId, stepId, run: this, step };
  }

  /** A task that is run again is the same step, once more. */
  private stepIdOf(taskId: string): string {
    const known = isStepId(taskId) ? taskId : this.stepIds.get(taskId);
    if (known !== undefined) return known;
    const made = newStepId();
    this.stepIds.set(taskId, made);
    return made;
  }

  private begin(task: TaskOptions): string {
    const taskId = task.id ?? this.nameOf(task.name);
    const context = currentContext();
    const parent = context?.run === this ? context.taskId : undefined;
    this.log.emit('task_scheduled', {
      task_id: taskId,
      step_id: this.stepIdOf(taskId),
      name: task.name,
      ...(task.kind === undefined ? {} : { kind: task.kind }),
      ...(parent === undefined ? {} : { parent_task_id: parent }),
      ...(task.dependsOn === undefined ? {} : { depends_on: [...task.dependsOn] }),
    });
    if (task.inputs !== undefined) {
      this.log.emit('task_inputs_resolved', { task_id: taskId, inputs: inputPayload(task.inputs) });
    }
    this.log.emit('task_started', { task_id: taskId });
    return taskId;
  }

  private nameOf(name: string): string {
    const count = (this.taskNames.get(name) ?? 0) + 1;
    this.taskNames.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  }

  private take(entry: LogEntry): void {
    if (entry.type === 'provider_called') this.tallied.calls++;
    else if (entry.type === 'provider_responded') this.tally(entry.data);
    this.channel?.take(entry);
    if (entry.type === 'workflow_completed' || entry.type === 'workflow_failed') this.close();
  }

  private tally(data: Record<string, unknown>): void {
    const { tallied } = this;
    tallied.tokens += tokensOf(data);
    if (typeof data.tokens_in === 'number' && typeof data.tokens_out === 'number') {
      tallied.in += data.tokens_in;
      tallied.out += data.tokens_out;
    } else tallied.split = false;
  }

  private totals(): { duration_ms: number; metrics?: Metrics } {
    const { calls, tokens, split } = this.tallied;
    if (calls > 0) this.measure({ llm_calls: calls, tokens });
    if (tokens > 0 && split) this.measure({ tokens_in: this.tallied.in, tokens_out: this.tallied.out });
    const metrics = Object.keys(this.measured).length === 0 ? {} : { metrics: this.measured };
    return { duration_ms: this.elapsedMs(), ...metrics };
  }

  private raw(type: RawEvent['type'], data: Record<string, unknown>): void {
    this.channel?.take({ type, atMs: this.elapsedMs(), data });
  }

  private elapsedMs(): number {
    return performance.now() - this.beganMs;
  }

  private close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.ended();
  }
}
