import { backoffMs, pause } from './backoff.js';
import { PositionLost } from './errors.js';
import type { KafkaLogger } from './kafkajs-log.js';
import type { PartitionBatch, PartitionBatchHandler, PartitionState, PartitionStatus } from './partition-batch.js';
import { PartitionQueue } from './partition-queue.js';
import type { KafkaRecord } from './records.js';

export interface WorkerSettings {
  readonly handler: PartitionBatchHandler;
  readonly logger: KafkaLogger;
  readonly maxBatchRecords: number;
  readonly maxBatchBytes: number;
  readonly highWaterRecords: number;
  readonly highWaterBytes: number;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
}

export interface WorkerEvents {
  /** A batch is done; its partition's position is now `worker.position`. */
  handled(worker: PartitionWorker): void;
  /** The handler found the position elsewhere. */
  positionLost(worker: PartitionWorker, nextOffset: number | undefined): void;
  /** Fetching may go on. */
  drained(worker: PartitionWorker): void;
}

/**
 * One partition during one assignment: its queue, its position, and the loop that hands batches over one by one. It is
 * never reused for another assignment, so whatever arrives late from an earlier one reaches a closed worker.
 */
export class PartitionWorker {
  /** The next offset to hand over. */
  position: number | undefined;
  /** The offset that the next fetch must have been made at: everything below is queued or done. */
  fetchPosition: number | undefined;
  highWatermark: number | undefined;
  closed = false;
  private readonly queue = new PartitionQueue();
  private state: PartitionState = 'paused';
  private error: string | undefined;
  private running: Promise<void> | undefined;
  /** Aborted by whatever makes the batch in hand obsolete: a seek, a stop, the end of the assignment. */
  private current = new AbortController();

  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly generation: number,
    private readonly settings: WorkerSettings,
    private readonly events: WorkerEvents,
  ) {}

  get accepting(): boolean {
    return !this.closed && (this.state === 'running' || this.state === 'retrying');
  }

  get awaitsPosition(): boolean {
    return !this.closed && this.state === 'paused';
  }

  get full(): boolean {
    const { highWaterRecords, highWaterBytes } = this.settings;
    return this.queue.records >= highWaterRecords || this.queue.bytes >= highWaterBytes;
  }

  /** Hands over from `position` on; drops what was queued. */
  start(position: number): void {
    this.drop();
    this.position = position;
    this.fetchPosition = position;
    this.state = 'running';
    this.error = undefined;
  }

  /** Waits for a position again; drops what was queued. */
  unposition(): void {
    this.drop();
    this.state = 'paused';
  }

  stop(reason: string): void {
    this.drop();
    this.state = 'stopped';
    this.error = reason;
  }

  close(): void {
    this.drop();
    this.closed = true;
  }

  /** Resolves when no handler is at work; what it returns then no longer matters to a dropped batch. */
  async idle(): Promise<void> {
    await this.running;
  }

  push(records: KafkaRecord[], nextOffset: number, highWatermark: number): void {
    this.queue.push(records, nextOffset);
    this.fetchPosition = nextOffset;
    this.highWatermark = highWatermark;
    this.running ??= this.run();
  }

  status(): PartitionStatus {
    const { topic, partition, state, position, highWatermark, error } = this;
    const lag =
      position === undefined || highWatermark === undefined ? undefined : Math.max(0, highWatermark - position);
    const { records: queuedRecords, bytes: queuedBytes } = this.queue;
    return { topic, partition, state, position, highWatermark, lag, queuedRecords, queuedBytes, error };
  }

  private drop(): void {
    this.current.abort();
    this.current = new AbortController();
    this.queue.clear();
  }

  private async run(): Promise<void> {
    const { maxBatchRecords, maxBatchBytes, highWaterRecords, highWaterBytes } = this.settings;
    while (this.accepting) {
      const taken = this.queue.take(maxBatchRecords, maxBatchBytes);
      if (!taken || this.position === undefined) break;
      if (this.queue.records <= highWaterRecords / 2 && this.queue.bytes <= highWaterBytes / 2)
        this.events.drained(this);
      const batch: PartitionBatch = {
        topic: this.topic,
        partition: this.partition,
        generation: this.generation,
        records: taken.records,
        firstOffset: this.position,
        nextOffset: taken.nextOffset,
        highWatermark: this.highWatermark ?? taken.nextOffset,
      };
      await this.handOver(batch, this.current.signal);
    }
    // In the turn that found nothing, so that the next push starts another run.
    this.running = undefined;
  }

  private async handOver(batch: PartitionBatch, signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.settings.handler(batch);
        if (signal.aborted) return;
        this.position = batch.nextOffset;
        this.state = 'running';
        this.error = undefined;
        this.events.handled(this);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof PositionLost) return this.events.positionLost(this, error.nextOffset);
        this.state = 'retrying';
        this.error = error instanceof Error ? error.message : String(error);
        const { topic, partition, firstOffset } = batch;
        this.settings.logger.error({ err: error, topic, partition, firstOffset, attempt }, 'Batch failed, tried again');
        await pause(backoffMs(attempt, this.settings.retryMinMs, this.settings.retryMaxMs), signal);
      }
    }
  }
}
