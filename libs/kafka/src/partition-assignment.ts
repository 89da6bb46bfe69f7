import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Batch, EachBatchPayload, KafkaMessage } from 'kafkajs';
import { atMost, backoffMs, pause } from './backoff.js';
import type { KafkaLogger } from './kafkajs-log.js';
import type { AssignedPosition, PartitionStatus } from './partition-batch.js';
import { PartitionWorker, type WorkerEvents, type WorkerSettings } from './partition-worker.js';
import type { KafkaRecord, RecordHeaders, TopicPartition } from './records.js';

/** What steers kafkajs's fetching; each call is synchronous and harmless after the consumer ended. */
export interface FetchControl {
  pause(partition: TopicPartition): void;
  resume(partition: TopicPartition): void;
  seek(partition: TopicPartition, offset: number): void;
}

export interface AssignmentSettings {
  readonly worker: WorkerSettings;
  readonly logger: KafkaLogger;
  readonly onAssigned: (assigned: TopicPartition[]) => Promise<AssignedPosition[]>;
  readonly onPositioned: () => void;
  readonly onHandled: (worker: PartitionWorker) => void;
  readonly drainTimeoutMs: number;
}

/** A position that is not in the log would be asked for over and over: a partition's second question waits. */
const REPOSITION_INTERVAL_MS = 1000;
/** From here on fetching ahead pays. */
const LIGHT_RECORDS = 50;
const LIGHT_WAIT_MS_MAX = 50;
/** Well below a session's timeout, since kafkajs sends no heartbeat meanwhile. */
const ROOM_WAIT_MS_MAX = 500;

/**
 * The partitions that this member holds. kafkajs fetches; where from is decided here and nowhere else. A batch counts
 * only when it was fetched exactly where the one before ended: kafkajs also begins at committed or default offsets
 * after joining, and jumps to the default when an offset is out of range. Such a batch is dropped, and `onAssigned`,
 * which knows log and positions, is asked again.
 */
export class PartitionAssignment implements WorkerEvents {
  generation = 0;
  private workers = new Map<string, PartitionWorker>();
  private readonly pausedFull = new Set<PartitionWorker>();
  private readonly repositionableAtMs = new Map<string, number>();
  private ended = new AbortController();
  /** Settled, and made anew, whenever a full queue has room again. */
  private room = Promise.withResolvers<void>();

  constructor(
    private readonly settings: AssignmentSettings,
    private readonly fetching: FetchControl,
  ) {}

  /** A new assignment replaces the last. Synchronous up to the pause, so that nothing is fetched before its position. */
  begin(assigned: readonly TopicPartition[]): void {
    const former = this.end();
    this.ended = new AbortController();
    this.generation += 1;
    for (const { topic, partition } of assigned) {
      const worker = new PartitionWorker(topic, partition, this.generation, this.settings.worker, this);
      this.workers.set(keyOf(worker), worker);
      this.fetching.pause(worker);
    }
    void this.position([...this.workers.values()], former, 0);
  }

  /** Nothing more is handed over; returns the workers whose handlers may still be at work. */
  end(): PartitionWorker[] {
    const former = [...this.workers.values()];
    this.ended.abort();
    this.workers = new Map();
    this.pausedFull.clear();
    for (const worker of former) worker.close();
    return former;
  }

  statuses(): PartitionStatus[] {
    return [...this.workers.values()].map((worker) => worker.status());
  }

  seek(partition: TopicPartition, offset: number): void {
    const worker = this.workers.get(keyOf(partition));
    if (worker) this.startAt(worker, offset);
  }

  /** Drops what is queued and asks `onAssigned` again. */
  reposition(partition: TopicPartition): void {
    const worker = this.workers.get(keyOf(partition));
    if (!worker) return;
    this.fetching.pause(worker);
    this.pausedFull.delete(worker);
    worker.unposition();
    const key = keyOf(worker);
    const delayMs = Math.max(0, (this.repositionableAtMs.get(key) ?? 0) - Date.now());
    this.repositionableAtMs.set(key, Date.now() + delayMs + REPOSITION_INTERVAL_MS);
    void this.position([worker], [worker], delayMs);
  }

  /**
   * Queues a fetched batch; one that is not wanted stays unresolved. Where every queue is full it waits for room a
   * while: kafkajs, with nothing left to fetch, would sleep through the moment when there is some. A few records are
   * handled before the next are fetched: what arrives meanwhile then comes in one fetch, and not in as many as there
   * are records.
   */
  async accept({ batch, resolveOffset, isStale, isRunning }: EachBatchPayload): Promise<void> {
    const worker = this.workers.get(keyOf(batch));
    const last = batch.messages.at(-1);
    if (!worker?.accepting || !last || isStale() || !isRunning()) return;
    const fetchedAt = fetchedOffset(batch);
    if (fetchedAt !== worker.fetchPosition) {
      const { topic, partition, fetchPosition: expected } = worker;
      this.settings.logger.warn({ topic, partition, expected, fetchedAt }, 'Fetched elsewhere than at the position');
      return this.reposition(worker);
    }
    worker.push(toRecords(batch), Number(batch.lastOffset()) + 1, Number(batch.highWatermark));
    resolveOffset(last.offset);
    if (worker.full) {
      this.pausedFull.add(worker);
      this.fetching.pause(worker);
      if (this.allFull()) await atMost(this.room.promise, ROOM_WAIT_MS_MAX, this.ended.signal);
    } else if (batch.messages.length < LIGHT_RECORDS) {
      await atMost(worker.idle(), LIGHT_WAIT_MS_MAX, this.ended.signal);
      // What the handlers made of it leaves before the next fetch does.
      await nextTurn();
    }
  }

  private allFull(): boolean {
    for (const worker of this.workers.values()) if (worker.accepting && !this.pausedFull.has(worker)) return false;
    return true;
  }

  /** kafkajs goes past a batch of control or aborted records only without showing it. */
  skipEmpty(partition: TopicPartition, firstOffset: number | undefined, lastOffset: number): void {
    const worker = this.workers.get(keyOf(partition));
    if (!worker?.accepting || worker.fetchPosition === undefined) return;
    if (firstOffset === undefined || firstOffset === worker.fetchPosition) worker.fetchPosition = lastOffset + 1;
  }

  handled(worker: PartitionWorker): void {
    this.settings.onHandled(worker);
  }

  drained(worker: PartitionWorker): void {
    if (!this.pausedFull.delete(worker) || !this.isCurrent(worker)) return;
    this.fetching.resume(worker);
    this.room.resolve();
    this.room = Promise.withResolvers();
  }

  positionLost(worker: PartitionWorker, nextOffset: number | undefined): void {
    if (!this.isCurrent(worker)) return;
    const { topic, partition, position } = worker;
    this.settings.logger.info({ topic, partition, position, nextOffset }, 'Position moved by another consumer');
    if (nextOffset === undefined) this.reposition(worker);
    else this.startAt(worker, nextOffset);
  }

  private startAt(worker: PartitionWorker, offset: number): void {
    worker.start(offset);
    this.pausedFull.delete(worker);
    this.fetching.seek(worker, offset);
    this.fetching.resume(worker);
  }

  /** Asks for positions until they are known, once the handlers of `former` workers have let go of theirs. */
  private async position(workers: PartitionWorker[], former: PartitionWorker[], delayMs: number): Promise<void> {
    const { signal } = this.ended;
    await atMost(Promise.all(former.map((worker) => worker.idle())), this.settings.drainTimeoutMs, signal);
    if (delayMs > 0) await pause(delayMs, signal);
    for (let attempt = 0; !signal.aborted; attempt++) {
      const waiting = workers.filter((worker) => worker.awaitsPosition);
      if (waiting.length === 0) return;
      try {
        const answers = await this.settings.onAssigned(waiting.map(({ topic, partition }) => ({ topic, partition })));
        if (signal.aborted) return;
        for (const worker of waiting) this.applyAnswer(worker, answers);
        this.settings.onPositioned();
        return;
      } catch (error) {
        this.settings.logger.warn({ err: error, attempt }, 'Positions unknown, asked again');
        const { retryMinMs, retryMaxMs } = this.settings.worker;
        await pause(backoffMs(attempt, retryMinMs, retryMaxMs), signal);
      }
    }
  }

  private applyAnswer(worker: PartitionWorker, answers: readonly AssignedPosition[]): void {
    // A seek came first.
    if (!worker.awaitsPosition) return;
    const answer = answers.find((one) => one.topic === worker.topic && one.partition === worker.partition);
    if (answer && answer.position !== 'stopped') return this.startAt(worker, answer.position);
    worker.stop(answer?.reason ?? 'No position is known.');
    const { topic, partition } = worker;
    this.settings.logger.error({ topic, partition, reason: answer?.reason }, 'Partition stopped');
  }

  private isCurrent(worker: PartitionWorker): boolean {
    return this.workers.get(keyOf(worker)) === worker;
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

/** kafkajs's batch knows where it was fetched, its type does not tell. */
function fetchedOffset(batch: Batch & { fetchedOffset?: unknown }): number {
  return Number(batch.fetchedOffset);
}

function toRecords(batch: Batch): KafkaRecord[] {
  return batch.messages.map((message) => new FetchedRecord(batch.topic, batch.partition, message));
}

/** Its headers stay with the message, which reads them when they are asked for. */
class FetchedRecord implements KafkaRecord {
  readonly offset: number;
  readonly timestampMs: number;

  constructor(
    readonly topic: string,
    readonly partition: number,
    private readonly message: KafkaMessage,
  ) {
    this.offset = Number(message.offset);
    this.timestampMs = Number(message.timestamp);
  }

  get key(): Buffer | null {
    return this.message.key;
  }

  get value(): Buffer | null {
    return this.message.value;
  }

  get headers(): RecordHeaders {
    return this.message.headers ?? {};
  }

  get unread(): string | undefined {
    return (this.message as { unread?: string }).unread;
  }

  /** Known from its encoding, where our own decoding read it. */
  get bytes(): number | undefined {
    return this.message.size;
  }
}
