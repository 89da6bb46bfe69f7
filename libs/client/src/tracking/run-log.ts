import { performance } from 'node:perf_hooks';
import { jsonText, messageOf } from './json-text.js';
import { LogEntry, type LogData, type LogEntryJson, type LogKind } from './log-entry.js';
import { type ReplayedRun, replay } from './replay.js';

/** Where the entries of a log go on to. */
export interface LogSink {
  /** Called for each entry as it is emitted; must be quick. */
  take(entry: LogEntry): void;
  /** Resolves when all entries so far are out of the process; true: at the gateway. */
  flush?(timeoutMs?: number): Promise<boolean>;
}

export interface RunLogOptions {
  /** Where entries go on to. @default nowhere: the log stays in the process */
  readonly sink?: LogSink;
  /** Most entries that are kept in memory; past it the oldest are let go of, which were handed on. @default 1_000_000 */
  readonly entriesMax?: number;
}

/**
 * The event log of one run, in this process: append-only, ids rising by one from 1, times relative to its beginning.
 * Parallel tasks of one thread may emit as they come: each entry is taken whole, in the order of the calls.
 */
export class RunLog {
  /** Unix milliseconds at which the log began. */
  readonly startedAtMs = Date.now();
  private readonly beganMs = performance.now();
  private kept: LogEntry[] = [];
  private lastId = 0;
  private sink: LogSink | undefined;
  private readonly entriesMax: number;

  constructor({ sink, entriesMax = 1_000_000 }: RunLogOptions = {}) {
    this.sink = sink;
    this.entriesMax = Math.max(2, entriesMax);
  }

  /** Appends an entry and gives its id. The data is taken as it is now. Never throws, and waits for nothing. */
  emit<Kind extends LogKind>(type: Kind, data: LogData[Kind]): number {
    const { task_id: given } = (data ?? {}) as { task_id?: unknown };
    const taskId = given === undefined || typeof given === 'string' ? given : messageOf(given);
    const atMs = performance.now() - this.beganMs;
    const entry = new LogEntry(++this.lastId, type, taskId, atMs, jsonText(data ?? {}));
    this.kept.push(entry);
    if (this.kept.length > this.entriesMax) this.kept = this.kept.slice(this.entriesMax >> 1);
    this.sink?.take(entry);
    return entry.id;
  }

  /** What is kept, in order. */
  get entries(): readonly LogEntry[] {
    return this.kept;
  }

  /** How many were emitted; also the id of the last. */
  get size(): number {
    return this.lastId;
  }

  /** The entries of one task, in order. */
  filterTask(taskId: string): LogEntry[] {
    return this.kept.filter((entry) => entry.taskId === taskId);
  }

  /** The run as it was once the entry of this id was emitted: status, tasks, totals, and the entries up to there. */
  replayUntil(id: number): ReplayedRun {
    return replay(this.kept.filter((entry) => entry.id <= id));
  }

  /**
   * Resolves when all entries so far are at the gateway (true), or on disk while it is away (false). Never throws.
   * `timeoutMs` is 30,000 by default.
   */
  async flush(timeoutMs?: number): Promise<boolean> {
    return (await this.sink?.flush?.(timeoutMs)) ?? true;
  }

  /** Flushes; what is emitted after that stays in the process. */
  async close(timeoutMs?: number): Promise<boolean> {
    const flushed = await this.flush(timeoutMs);
    this.sink = undefined;
    return flushed;
  }

  /** Every entry as a plain object, tagged by `type`. */
  toJSON(): LogEntryJson[] {
    return this.kept.map((entry) => entry.toJSON());
  }
}
