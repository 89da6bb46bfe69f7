import { KafkaUnavailable, ProducerOverloaded } from './errors.js';
import { recordBytes, type OutgoingRecord, type RecordPosition } from './records.js';

/** Records that were given together. What follows a lost one means nothing without it, and is then not written either. */
export class RecordGroup {
  /** Why the first of them that was lost was. */
  failure: Error | undefined;
}

/** A record on its way: settled once, by the acknowledgement, a refusal or its deadline. */
export class PendingRecord {
  readonly bytes: number;
  readonly acknowledged: Promise<RecordPosition>;
  settled = false;
  private readonly callbacks: { resolve: (position: RecordPosition) => void; reject: (error: Error) => void };

  constructor(
    readonly record: OutgoingRecord,
    readonly deadlineMs: number,
    /** Undefined for a record that was given alone. */
    readonly group?: RecordGroup,
  ) {
    this.bytes = recordBytes(record);
    const { promise, resolve, reject } = Promise.withResolvers<RecordPosition>();
    this.acknowledged = promise;
    this.callbacks = { resolve, reject };
  }

  resolve(position: RecordPosition): void {
    if (this.settled) return;
    this.settled = true;
    this.callbacks.resolve(position);
  }

  reject(error: Error): void {
    if (this.settled) return;
    this.settled = true;
    if (this.group) this.group.failure ??= error;
    this.callbacks.reject(error);
  }

  /** Refuses it where one that it was given with is lost; it must not have left. True where it did. */
  forsake(): boolean {
    const failure = this.group?.failure;
    if (!failure) return false;
    this.reject(new KafkaUnavailable('A record that it was given with was not written.', false, failure));
    return true;
  }
}

export interface QueueLimits {
  readonly maxQueuedRecords: number;
  readonly maxQueuedBytes: number;
  readonly maxBatchRecords: number;
  readonly maxBatchBytes: number;
}

/** Records that wait for the next send, in order, bounded. */
export class ProducerQueue {
  private pending: PendingRecord[] = [];
  private queuedBytes = 0;

  constructor(private readonly limits: QueueLimits) {}

  get records(): number {
    return this.pending.length;
  }

  get bytes(): number {
    return this.queuedBytes;
  }

  get oldest(): PendingRecord | undefined {
    return this.pending[0];
  }

  all(): readonly PendingRecord[] {
    return this.pending;
  }

  /** @throws ProducerOverloaded when they do not all fit; then none is queued. */
  push(added: readonly PendingRecord[]): void {
    const bytes = added.reduce((sum, one) => sum + one.bytes, 0);
    if (
      this.pending.length + added.length > this.limits.maxQueuedRecords ||
      this.queuedBytes + bytes > this.limits.maxQueuedBytes
    ) {
      throw new ProducerOverloaded(this.pending.length, this.queuedBytes);
    }
    for (const one of added) this.pending.push(one);
    this.queuedBytes += bytes;
  }

  /**
   * The next send: as many of the oldest as fit, a partition's share within `maxBatchBytes`, since the broker's limit is
   * on a partition's part of a send. A record that is larger alone goes alone, so that its refusal is only its own. A
   * group that does not fit any more begins the next send: one send is written or lost as a whole, two are not.
   */
  take(): PendingRecord[] {
    const { maxBatchRecords, maxBatchBytes } = this.limits;
    const bytesOf = new Map<string, number>();
    let count = 0;
    for (const one of this.pending) {
      if (count === maxBatchRecords) break;
      if (one.bytes > maxBatchBytes) {
        if (count === 0) count = 1;
        break;
      }
      const key = `${one.record.topic}/${one.record.partition}`;
      const bytes = (bytesOf.get(key) ?? 0) + one.bytes;
      if (bytes > maxBatchBytes) break;
      bytesOf.set(key, bytes);
      count += 1;
    }
    return this.remove(this.beforeCutGroup(count));
  }

  /** Removes those whose group lost a record, and refuses them. A cut group is always the first. */
  dropForsaken(): void {
    let count = 0;
    while (this.pending[count]?.forsake()) count += 1;
    if (count > 0) this.remove(count);
  }

  /** Removes and returns those whose deadline has passed; they never left. */
  takeExpired(nowMs: number): PendingRecord[] {
    let count = 0;
    while (count < this.pending.length && (this.pending[count]?.deadlineMs ?? Infinity) <= nowMs) count += 1;
    return count === 0 ? [] : this.remove(count);
  }

  /** Where the group begins that a cut at `count` would divide; `count` where there is none, or nothing before it. */
  private beforeCutGroup(count: number): number {
    const group = this.pending[count]?.group;
    if (!group) return count;
    let from = count;
    while (from > 0 && this.pending[from - 1]?.group === group) from -= 1;
    return from > 0 ? from : count;
  }

  private remove(count: number): PendingRecord[] {
    const taken = this.pending.splice(0, count);
    for (const one of taken) this.queuedBytes -= one.bytes;
    return taken;
  }
}
