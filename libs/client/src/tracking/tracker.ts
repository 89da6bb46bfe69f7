import { type ClientOptions, createClient, type RunspineClient } from '../client.js';
import { readEnvironment } from '../environment.js';
import { affinityOf, isRunId, newRunId } from '../ids.js';
import { findCheckpoint } from './checkpoint.js';
import { type CodeRef, codeRefOf, knownCodeRef, namedCodeRef, UNKNOWN_CODE } from './code-ref.js';
import { TRY_MS_DEFAULT } from './delivery.js';
import { EventSender } from './event-sender.js';
import type { SenderStats } from './send-tally.js';
import { messageOf } from './json-text.js';
import { rowsOf } from './payload.js';
import { consoleLogger, Reports, type TrackingLogger } from './reports.js';
import { currentRun, runWithin } from './run-context.js';
import type { RunOptions, StageOptions } from './run-options.js';
import { RunWire } from './run-wire.js';
import { type StageInput, stageInputOf } from './stage-input.js';
import { runFieldsFor } from './run-fields.js';
import { spoolFolderOf } from './send-spooled.js';
import { activeTrace } from './trace-context.js';
import { TrackedRun } from './tracked-run.js';

/** How runs are recorded. */
export interface TrackerOptions extends ClientOptions {
  /** The client to record with. @default one of the other options */
  readonly client?: RunspineClient;
  /** False records nothing; stages run all the same. @default true, unless RUNSPINE_TRACKING is `off` */
  readonly enabled?: boolean;
  /** Where events wait on disk while the gateway is away; false: in memory. @default RUNSPINE_SPOOL_DIR, else ~/.runspine/spool */
  readonly spoolDir?: string | false;
  /** @default 268_435_456 */
  readonly spoolBytesMax?: number;
  /** Bound of what waits in memory. @default 67_108_864 */
  readonly memoryBytesMax?: number;
  /** How long events are collected before they are sent, in milliseconds. @default 50 */
  readonly batchMs?: number;
  /** Milliseconds that one try of a batch may take. @default 8_000 */
  readonly sendTimeoutMs?: number;
  /** Between two signs of life of an open run, in milliseconds. @default 60_000 */
  readonly heartbeatMs?: number;
  /** Most that a look for a checkpoint may take, in milliseconds. @default 250 */
  readonly checkpointMs?: number;
  /** Whose version is recorded. @default the working directory */
  readonly cwd?: string;
  /** The version of the code. @default git's commit, `-dirty` behind it where the tree has changes */
  readonly codeRef?: string;
  /** Whether a run without a parent records its command line, secrets masked. @default true */
  readonly recordCommand?: boolean;
  readonly logger?: TrackingLogger;
}

/** Records runs. One a process is enough; `trackRun` and `trackStage` have one of their own. */
export class Tracker {
  readonly client: RunspineClient;
  private readonly sender: EventSender | undefined;
  private readonly reports: Reports;
  private readonly cwd: string;
  private readonly rerunOf: string | undefined;

  constructor(private readonly options: TrackerOptions = {}) {
    const environment = readEnvironment();
    this.client = options.client ?? createClient(options);
    this.reports = new Reports(options.logger ?? consoleLogger);
    this.cwd = options.cwd ?? process.cwd();
    this.rerunOf = environment.rerunOf !== undefined && isRunId(environment.rerunOf) ? environment.rerunOf : undefined;
    if (!(options.enabled ?? environment.tracking !== 'off')) return;
    const { spoolDir } = options;
    this.sender = new EventSender(this.client.transport, this.reports, {
      spoolDir: spoolDir === false ? undefined : spoolFolderOf(this.client.identity, spoolDir),
      spoolBytesMax: options.spoolBytesMax ?? 256 * 1024 * 1024,
      memoryBytesMax: options.memoryBytesMax ?? 64 * 1024 * 1024,
      batchMs: options.batchMs ?? 50,
      timeoutMs: options.sendTimeoutMs ?? TRY_MS_DEFAULT,
      before: () => this.code(),
    });
  }

  /** What became of all that was recorded. */
  get stats(): SenderStats {
    return this.sender?.stats ?? { sent: 0, spooled: 0, dropped: 0, refused: 0, rejected: 0, waiting: 0 };
  }

  /** Runs `fn` as a run: recorded as running, then completed or failed. What it throws is thrown on unchanged. */
  trackRun<T>(options: RunOptions, fn: (run: TrackedRun) => T | Promise<T>): Promise<T> {
    return this.track(this.begin(options, undefined), options, fn);
  }

  /**
   * Runs `fn` as a stage: a run with a fingerprint of its input, configuration and code. With `checkpoint`, an earlier
   * run's stored output of the same fingerprint is given instead, and `fn` is not called.
   */
  async trackStage<T>(options: StageOptions, fn: (run: TrackedRun) => T | Promise<T>): Promise<T> {
    const input = stageInputOf(options, this.reports);
    const run = this.begin(options, input);
    if (options.checkpoint && this.sender) {
      const hit = await findCheckpoint(this.client, options.stage, input, {
        code: this.code(options.codeRef),
        waitMs: this.options.checkpointMs ?? 250,
        reports: this.reports,
      });
      if (hit) {
        run.completeFromCheckpoint(hit.runId);
        return hit.output as T;
      }
    }
    return this.track(run, options, fn);
  }

  /** Begins a run whose end is told by hand: `run.complete(output)` or `run.fail(error)`. */
  startRun(options: RunOptions = {}): TrackedRun {
    const run = this.begin(options, undefined);
    run.log.emit('workflow_started', options.taskCount === undefined ? {} : { task_count: options.taskCount });
    return run;
  }

  /** Resolves when all that was recorded is at the gateway (true), or on disk while it is away (false). Never throws. */
  flush(timeoutMs?: number): Promise<boolean> {
    return this.sender?.flush(timeoutMs) ?? Promise.resolve(true);
  }

  /** Flushes within `timeoutMs` (5,000 by default), and writes what could not be sent to disk. */
  close(timeoutMs?: number): Promise<boolean> {
    return this.sender?.close(timeoutMs) ?? Promise.resolve(true);
  }

  private async track<T>(run: TrackedRun, options: RunOptions, fn: (run: TrackedRun) => T | Promise<T>): Promise<T> {
    const rowsIn = rowsOf(options.input);
    run.log.emit('workflow_started', options.taskCount === undefined ? {} : { task_count: options.taskCount });
    if (rowsIn !== undefined) run.measure({ rows_in: rowsIn });
    let output: T;
    try {
      output = await runWithin({ run, taskId: undefined }, () => fn(run));
    } catch (error) {
      run.fail(error);
      throw error;
    }
    const rowsOut = rowsOf(output);
    if (rowsOut !== undefined) run.measure({ rows_out: rowsOut });
    run.complete(output, { record: options.recordOutput ?? true });
    return output;
  }

  /** Never throws: a run that cannot be recorded is one that is not. */
  private begin(options: RunOptions, input: StageInput | undefined): TrackedRun {
    const { tenant, env } = this.client.identity;
    const parent = currentRun();
    try {
      const room = options.room ?? parent?.family.room;
      const given = options.runId;
      const id = given !== undefined && isRunId(given) ? given : newRunId(affinityOf({ tenant, env, room }));
      const family = { correlationId: options.correlationId ?? parent?.family.correlationId ?? id, room };
      const { sender } = this;
      if (!sender) return new TrackedRun(id, family, undefined);
      const trace = activeTrace();
      const code = () => (options.codeRef === undefined ? this.knownCode() : namedCodeRef(options.codeRef));
      const more = {
        room,
        parentRunId: options.parentRunId ?? parent?.id,
        rerunOf: options.rerunOf ?? (parent ? undefined : this.rerunOf),
        traceId: trace?.traceId,
        cwd: this.cwd,
        command: parent === undefined && (this.options.recordCommand ?? true),
      };
      const fields = runFieldsFor(options, input, more, code);
      const wire = new RunWire({
        runId: id,
        startedAtMs: Date.now(),
        fields,
        correlationId: family.correlationId,
        traceparent: trace?.traceparent,
      });
      return this.recorded(id, family, wire, sender, options);
    } catch (error) {
      this.reports.once('begin', 'a run is not recorded', { error: messageOf(error) });
      return new TrackedRun(newRunId(), { correlationId: newRunId(), room: undefined }, undefined);
    }
  }

  private recorded(
    id: string,
    family: TrackedRun['family'],
    wire: RunWire,
    sender: EventSender,
    { staleAfterS }: RunOptions,
  ): TrackedRun {
    const everyMs = Math.min(this.options.heartbeatMs ?? 60_000, ((staleAfterS ?? 900) * 1000) / 3);
    const beat = setInterval(() => {
      // A sign of life is worth nothing later.
      if (!sender.away) run.heartbeat();
    }, everyMs);
    beat.unref();
    const channel = {
      take: (entry: Parameters<EventSender['take']>[1]) => sender.take(wire, entry),
      flush: (timeoutMs?: number) => sender.flush(timeoutMs),
    };
    const run = new TrackedRun(id, family, channel, () => clearInterval(beat));
    return run;
  }

  private code(named: string | undefined = this.options.codeRef): Promise<CodeRef> {
    return named === undefined ? codeRefOf(this.cwd) : Promise.resolve(namedCodeRef(named));
  }

  private knownCode(): CodeRef {
    const { codeRef } = this.options;
    return codeRef === undefined ? (knownCodeRef(this.cwd) ?? UNKNOWN_CODE) : namedCodeRef(codeRef);
  }
}
