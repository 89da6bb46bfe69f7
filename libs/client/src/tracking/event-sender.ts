import { isRunspineError } from '../errors.js';
import { jitterMs } from '../http/backoff.js';
import type { Transport } from '../http/transport.js';
import { Delivery, type Delivered } from './delivery.js';
import { messageOf } from './json-text.js';
import type { LogEntry } from './log-entry.js';
import { onExit } from './process-exit.js';
import type { Reports } from './reports.js';
import type { RawEvent, RunWire } from './run-wire.js';
import { type SenderStats, SendTally } from './send-tally.js';
import type { SenderOptions } from './sender-options.js';
import { Spool, type SpooledChunk, type SpoolFile } from './spool.js';
import type { WireEvent } from './wire-event.js';

/** Events composed, and sent or written, in one go. */
const CHUNK_EVENTS = 2000;
const AWAY_MS = { baseMs: 500, capMs: 30_000 };

interface Waiting {
  readonly wire: RunWire;
  readonly entry: LogEntry | RawEvent;
  readonly bytes: number;
}

/**
 * Sends what is recorded, behind the pipeline's back: in batches while the gateway answers, to disk while it is away, and
 * from there later, in order. Events have their ids before they leave, so whatever is sent again applies once. Nothing
 * of it ever throws into the pipeline.
 */
export class EventSender {
  private readonly tally: SendTally;
  private readonly delivery: Delivery;
  private readonly spool: Spool | undefined;
  private adopted: SpoolFile | undefined;
  private adoptAfterMs = 0;
  private queue: Waiting[] = [];
  private queueBytes = 0;
  private staged: WireEvent[] = [];
  private timer: NodeJS.Timeout | undefined;
  /** The timer waits for the gateway, not for events. */
  private dozing = false;
  private running: Promise<void> | undefined;
  private failures = 0;
  private retryAtMs = 0;
  private closed = false;
  private readonly stop = new AbortController();
  private readonly leaveExit: () => void;

  constructor(
    transport: Transport,
    private readonly reports: Reports,
    private readonly options: SenderOptions,
  ) {
    this.tally = new SendTally(reports, options.spoolDir);
    this.delivery = new Delivery(transport, options.timeoutMs, this.stop.signal);
    this.spool = options.spoolDir === undefined ? undefined : new Spool(options.spoolDir, options.spoolBytesMax);
    this.leaveExit = onExit(() => this.spillSync());
    // What dead processes left is looked for even if nothing is recorded.
    if (this.spool) this.schedule(options.batchMs);
  }

  get stats(): SenderStats {
    return { ...this.tally.counts, waiting: this.queue.length + this.staged.length };
  }

  /** True while the gateway does not take what it is sent. */
  get away(): boolean {
    return this.failures > 0;
  }

  /** Takes an entry. Waits for nothing, never throws. */
  take(wire: RunWire, entry: LogEntry | RawEvent): void {
    const bytes = 'id' in entry ? entry.text.length : 200;
    const details = 'id' in entry && !entry.type.startsWith('workflow');
    if (this.closed || (details && this.queueBytes + bytes > this.options.memoryBytesMax)) return this.tally.drop(1);
    this.queue.push({ wire, entry, bytes });
    this.queueBytes += bytes;
    if (this.running !== undefined) return;
    if (this.timer === undefined || this.dozing) this.schedule(this.options.batchMs);
    else if (!this.away) this.timer.ref();
  }

  /**
   * Resolves when all that was recorded before is sent; at an absent gateway, once it is on disk. Never throws.
   * @returns whether everything is sent.
   */
  async flush(timeoutMs = 30_000): Promise<boolean> {
    if (this.closed) return this.isIdle;
    const endMs = Date.now() + timeoutMs;
    this.retryAtMs = 0;
    let failures = this.failures;
    while (!this.isIdle && Date.now() < endMs) {
      await Promise.race([this.run(), late(endMs - Date.now())]);
      if (this.failures > failures) break;
      failures = this.failures;
    }
    return this.isIdle;
  }

  /** Flushes, and writes to disk what could not be sent. What is recorded after that is dropped. */
  async close(timeoutMs = 5000): Promise<boolean> {
    const sent = await this.flush(timeoutMs);
    this.closed = true;
    this.stop.abort(new Error('the sender is closed'));
    await this.running;
    clearTimeout(this.timer);
    this.leaveExit();
    this.spillSync();
    this.spool?.release();
    this.adopted?.release();
    return sent;
  }

  private get isIdle(): boolean {
    return this.queue.length === 0 && this.staged.length === 0 && (this.spool?.isEmpty ?? true);
  }

  /** Whoever has nothing else to do need not stay for a gateway that is away: what waits is on disk. */
  private schedule(delayMs: number): void {
    clearTimeout(this.timer);
    this.dozing = delayMs > this.options.batchMs;
    this.timer = setTimeout(() => void this.run(), delayMs);
    if (this.away || (this.queue.length === 0 && this.staged.length === 0)) this.timer.unref();
  }

  private run(): Promise<void> {
    this.running ??= this.work().finally(() => {
      this.running = undefined;
      if (this.closed) return;
      if (this.queue.length > 0) this.schedule(this.options.batchMs);
      else if (!this.isIdle || this.adopted) {
        this.schedule(Math.max(this.options.batchMs, this.retryAtMs - Date.now()));
      }
    });
    return this.running;
  }

  private async work(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    try {
      await this.options.before?.();
      while (!this.closed && (await this.turn()));
    } catch (error) {
      // A fault of ours: what waits stays, and is tried again.
      this.reports.once('sender', 'recording met a fault of its own', { error: messageOf(error) });
      this.fail(error);
    }
  }

  /** One step; false when there is nothing to do now. */
  private async turn(): Promise<boolean> {
    this.compose();
    const due = Date.now() >= this.retryAtMs;
    if (this.spool && (!this.spool.isEmpty || (this.away && !due))) {
      if (this.staged.length > 0) await this.spill(this.spool);
      return due && !this.spool.isEmpty ? this.drain(this.spool) : this.queue.length > 0;
    }
    if (!due) return false;
    if (this.staged.length > 0) return this.sendStaged();
    return this.drainAdopted();
  }

  private compose(): void {
    const taken = this.queue.length <= CHUNK_EVENTS ? this.queue : this.queue.slice(0, CHUNK_EVENTS);
    if (this.staged.length >= 2 * CHUNK_EVENTS) return;
    this.queue = taken === this.queue ? [] : this.queue.slice(CHUNK_EVENTS);
    for (const { wire, entry, bytes } of taken) {
      this.queueBytes -= bytes;
      try {
        this.staged.push(...wire.eventsOf(entry));
      } catch (error) {
        this.tally.drop(1, error);
      }
    }
  }

  private async sendStaged(): Promise<boolean> {
    const events = this.staged;
    const delivered = await this.delivery.send(events);
    this.staged = [...delivered.left, ...this.staged.slice(events.length)];
    await this.count(delivered);
    if (delivered.left.length === 0) return true;
    this.fail(delivered.failure);
    if (this.spool && !this.closed) await this.spill(this.spool);
    return false;
  }

  private async drain(source: Spool): Promise<boolean> {
    const chunk = await source.next(CHUNK_EVENTS);
    return chunk ? this.sendChunk(chunk) : true;
  }

  /** Sends again from the beginning of a chunk that was not taken whole: what was taken applies once. */
  private async sendChunk(chunk: SpooledChunk): Promise<boolean> {
    const delivered = await this.delivery.send(chunk.events);
    if (delivered.left.length > 0) {
      this.fail(delivered.failure);
      return false;
    }
    await chunk.done();
    if (chunk.damaged > 0) {
      this.reports.once('damaged', 'lines of a spool file were no events', { lines: chunk.damaged });
    }
    await this.count(delivered);
    return true;
  }

  /** Files of dead processes, when there is nothing else to do; nobody stays for them. */
  private async drainAdopted(): Promise<boolean> {
    if (!this.spool || Date.now() < this.adoptAfterMs) return false;
    this.adopted ??= await this.spool.adopt();
    if (!this.adopted) {
      this.adoptAfterMs = Date.now() + 60_000;
      return false;
    }
    const chunk = await this.adopted.next(CHUNK_EVENTS);
    if (chunk) {
      if (!(await this.sendChunk(chunk))) return false;
      await new Promise((resolve) => setTimeout(resolve, 1).unref());
      return true;
    }
    await this.adopted.remove();
    this.adopted = undefined;
    return true;
  }

  private async spill(spool: Spool): Promise<void> {
    const events = this.staged;
    try {
      const left = await spool.append(events);
      this.staged = this.staged.slice(events.length);
      this.tally.counts.spooled += events.length - left.length;
      if (left.length > 0) this.tally.drop(left.length);
    } catch (error) {
      this.reports.once('spool', 'events cannot be written to disk, and wait in memory', { error: messageOf(error) });
      this.bound();
    }
  }

  /** The last moment of a process: what waits goes to disk, or is lost. */
  private spillSync(): void {
    while (this.queue.length > 0) {
      const before = this.queue.length;
      this.compose();
      if (this.queue.length === before) break;
    }
    for (const { wire, entry } of this.queue.splice(0)) this.staged.push(...wire.eventsOf(entry));
    const events = this.staged.splice(0);
    if (events.length === 0) return;
    try {
      if (!this.spool) return this.tally.drop(events.length);
      const left = this.spool.appendSync(events);
      this.tally.counts.spooled += events.length - left.length;
      if (left.length > 0) this.tally.drop(left.length);
    } catch (error) {
      this.tally.drop(events.length, error);
    }
  }

  /** Without a disk, memory is the bound: what is newest has no room. */
  private bound(): void {
    let bytes = 0;
    const kept = this.staged.filter((event) => {
      bytes += event.text.length;
      return bytes <= this.options.memoryBytesMax || event.type.startsWith('run.');
    });
    if (kept.length < this.staged.length) this.tally.drop(this.staged.length - kept.length);
    this.staged = kept;
  }

  private fail(error: unknown): void {
    if (this.closed) return;
    this.retryAtMs = Date.now() + AWAY_MS.baseMs / 2 + jitterMs(this.failures, AWAY_MS);
    if (isRunspineError(error) && error.retryAfterMs !== undefined) {
      this.retryAtMs = Math.max(this.retryAtMs, Date.now() + Math.min(error.retryAfterMs, AWAY_MS.capMs));
    }
    this.failures++;
    const code = isRunspineError(error) ? { code: error.code, status: error.status } : {};
    const where = this.spool ? 'events wait on disk until it answers' : 'events wait in memory until it answers';
    this.reports.once('away', `the gateway does not take events; ${where}`, { ...code, error: messageOf(error) });
    if (!this.spool) this.bound();
  }

  private async count(delivered: Delivered): Promise<void> {
    await this.tally.take(delivered);
    if (delivered.failure !== undefined || delivered.sent === 0) return;
    this.failures = 0;
    this.retryAtMs = 0;
    this.reports.over('away');
  }
}

function late(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)).unref());
}
