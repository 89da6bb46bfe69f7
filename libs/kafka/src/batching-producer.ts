import { setImmediate as nextTurn } from 'node:timers/promises';
import { atMost } from './backoff.js';
import type { KafkaClient } from './client.js';
import { KafkaUnavailable, ProducerClosed } from './errors.js';
import { ProducerConnection } from './producer-connection.js';
import { PendingRecord, ProducerQueue, RecordGroup } from './producer-queue.js';
import { sendRecords } from './producer-send.js';
import type { OutgoingRecord, RecordPosition } from './records.js';

export interface BatchingProducerOptions {
  readonly client: KafkaClient;
  /** The broker drops what it has already when a send is tried again. @default true */
  readonly idempotent?: boolean;
  /** @default 1000 */
  readonly maxBatchRecords?: number;
  /** Of one partition's part of a send; below the topics' `max.message.bytes`. @default 900 KiB */
  readonly maxBatchBytes?: number;
  /** @default 10000 */
  readonly maxQueuedRecords?: number;
  /** @default 64 MiB */
  readonly maxQueuedBytes?: number;
  /** From `send` to the acknowledgement, the wait in the queue included. @default 5000 */
  readonly sendTimeoutMs?: number;
  /** @default 'none' */
  readonly compression?: 'none' | 'gzip' | 'zstd';
  /** First and longest delay before another producer is connected. @default 100 and 2000 */
  readonly reconnectMinMs?: number;
  readonly reconnectMaxMs?: number;
}

export interface ProducerGauges {
  readonly connected: boolean;
  readonly queuedRecords: number;
  readonly queuedBytes: number;
  readonly inFlightRecords: number;
  readonly lastBatchRecords: number;
  readonly sentRecords: number;
  readonly failedSends: number;
}

/**
 * Writes records with acks=all, one send in flight. While one is, records queue and leave together with the next, so
 * batches grow with load and an idle producer sends at once. Order is kept within a partition, except that a send which
 * failed may still reach the log after later ones.
 */
export class BatchingProducer {
  private readonly connection: ProducerConnection;
  private readonly queue: ProducerQueue;
  private readonly sendTimeoutMs: number;
  private readonly compression: 'none' | 'gzip' | 'zstd';
  private readonly closing = new AbortController();
  private inFlight: readonly PendingRecord[] = [];
  private draining: Promise<void> | undefined;
  private deadlineTimer: NodeJS.Timeout | undefined;
  private lastBatchRecords = 0;
  private sentRecords = 0;
  private failedSends = 0;
  private closed = false;

  constructor(options: BatchingProducerOptions) {
    this.sendTimeoutMs = options.sendTimeoutMs ?? 5000;
    this.compression = options.compression ?? 'none';
    this.queue = new ProducerQueue({
      maxBatchRecords: options.maxBatchRecords ?? 1000,
      maxBatchBytes: options.maxBatchBytes ?? 900 * 1024,
      maxQueuedRecords: options.maxQueuedRecords ?? 10_000,
      maxQueuedBytes: options.maxQueuedBytes ?? 64 * 1024 * 1024,
    });
    this.connection = new ProducerConnection(options.client, {
      idempotent: options.idempotent ?? true,
      retryMinMs: options.reconnectMinMs ?? 100,
      retryMaxMs: options.reconnectMaxMs ?? 2000,
      connectTimeoutMs: this.sendTimeoutMs,
      sendRetries: Math.max(1, Math.ceil(Math.log2(this.sendTimeoutMs / 100)) - 1),
    });
  }

  /** Connects ahead of the first record, so that it does not pay for it. Resolves false when no broker answers now. */
  async connect(): Promise<boolean> {
    let tries = 1;
    return (await this.connection.ready(() => tries-- > 0, this.closing.signal)) !== undefined;
  }

  /**
   * Resolves once all in-sync replicas have the record.
   * Rejects with `ProducerOverloaded` (at once, nothing queued), `KafkaUnavailable` (not acknowledged in time),
   * `RecordTooLarge`, `UnknownPartition` or `ProducerClosed`.
   */
  async send(record: OutgoingRecord): Promise<RecordPosition> {
    return this.enqueue([record])[0]?.acknowledged ?? Promise.reject(new ProducerClosed());
  }

  /**
   * Queues all of them or none. Resolves with their positions in order; rejects with the first failure once all are
   * settled, when others may have been written: of a partition those before it, never one after it alone. They leave in
   * one send where that holds them, and where it does not, none leaves after a send that failed.
   */
  async sendMany(records: readonly OutgoingRecord[]): Promise<RecordPosition[]> {
    const group = new RecordGroup();
    const pending = this.enqueue(records, group);
    await Promise.allSettled(pending.map((one) => one.acknowledged));
    if (group.failure) throw group.failure;
    return Promise.all(pending.map((one) => one.acknowledged));
  }

  /** Resolves when all that was queued before is settled, one way or another. */
  async flush(): Promise<void> {
    await Promise.allSettled([...this.inFlight, ...this.queue.all()].map((one) => one.acknowledged));
  }

  /** Takes no more, settles what is queued (within the send timeout) and disconnects. */
  async close(): Promise<void> {
    this.closed = true;
    await this.flush();
    this.closing.abort();
    await atMost(Promise.resolve(this.draining), 500);
    await this.connection.close();
  }

  gauges(): ProducerGauges {
    return {
      connected: this.connection.connected,
      queuedRecords: this.queue.records,
      queuedBytes: this.queue.bytes,
      inFlightRecords: this.inFlight.length,
      lastBatchRecords: this.lastBatchRecords,
      sentRecords: this.sentRecords,
      failedSends: this.failedSends,
    };
  }

  private enqueue(records: readonly OutgoingRecord[], group?: RecordGroup): PendingRecord[] {
    if (this.closed) throw new ProducerClosed();
    const deadlineMs = Date.now() + this.sendTimeoutMs;
    const pending = records.map((record) => new PendingRecord(record, deadlineMs, group));
    this.queue.push(pending);
    this.armDeadline();
    this.draining ??= this.drain();
    return pending;
  }

  private async drain(): Promise<void> {
    for (;;) {
      // Those who wait for the last send, and others of this turn, send theirs before the next batch is cut.
      await nextTurn();
      if (this.queue.records === 0) break;
      const producer = await this.connection.ready(() => this.queue.records > 0, this.closing.signal);
      if (!producer) continue;
      const batch = this.queue.take();
      if (batch.length === 0) continue;
      this.inFlight = batch;
      this.lastBatchRecords = batch.length;
      try {
        await sendRecords(producer, batch, { sendTimeoutMs: this.sendTimeoutMs, compression: this.compression });
        this.connection.succeeded();
        this.sentRecords += batch.length;
      } catch (error) {
        this.failedSends += 1;
        this.connection.discard(error);
        const failure = new KafkaUnavailable('The send failed; the record may still be written.', true, error);
        for (const one of batch) one.reject(failure);
      }
      this.inFlight = [];
      this.queue.dropForsaken();
    }
    // In the turn that found the queue empty, so that the next record starts another drain.
    this.draining = undefined;
    clearTimeout(this.deadlineTimer);
    this.deadlineTimer = undefined;
  }

  /** All deadlines are equally far from their `send`, so the oldest record's is always the next. */
  private armDeadline(): void {
    if (this.deadlineTimer) return;
    const oldest = this.inFlight.find((one) => !one.settled) ?? this.queue.oldest;
    if (!oldest) return;
    this.deadlineTimer = setTimeout(
      () => {
        this.deadlineTimer = undefined;
        this.rejectExpired();
        this.armDeadline();
      },
      Math.max(1, oldest.deadlineMs - Date.now()),
    );
  }

  private rejectExpired(): void {
    const now = Date.now();
    const text = `Kafka did not acknowledge within ${this.sendTimeoutMs} ms.`;
    for (const one of this.inFlight) {
      if (one.deadlineMs <= now) one.reject(new KafkaUnavailable(text, true));
    }
    for (const one of this.queue.takeExpired(now)) one.reject(new KafkaUnavailable(text, false));
  }
}
