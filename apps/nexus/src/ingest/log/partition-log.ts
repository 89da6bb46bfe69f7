import { createHash } from 'node:crypto';
import { ServiceError } from '@runspine/contracts';
import type { KafkaRecord, PartitionBatch } from '@runspine/kafka';
import { fenceOf, placeOf } from './source-fence.js';
import type { Anchor, StoredLog } from './stored-logs.js';

/** What an assigned log asks and tells. */
export interface LogEvents {
  /** The log's end as Kafka has it now; asked until it answers. */
  end(): Promise<number>;
  /** It is another log than the one that the spaces were written from; `seen` is the newest that they know. */
  refused(reason: string, seen: number): void;
}

/** One partition's log while this process has it: fences of its records, and whether it is the log that it was. */
export class PartitionLog {
  readonly epoch: number;
  /** All before it is done. */
  position: number;
  private expected: Anchor | undefined;
  private candidate: Anchor | undefined;
  private knownEnd = 0;

  constructor(
    stored: StoredLog,
    private readonly events: LogEvents,
  ) {
    this.epoch = stored.epoch;
    this.position = stored.position;
    const { anchor_offset: offset, anchor_hash: hash } = stored;
    this.expected = offset === null || hash === null ? undefined : { offset, hash };
  }

  /** What rows that come of a record carry as their source offset. */
  fenceOf(offset: number): number {
    return fenceOf(this.epoch, offset);
  }

  /** Looks at what is read. False: it is another log, and nothing of it is to be taken. */
  isSame(batch: PartitionBatch): boolean {
    this.knownEnd = Math.max(this.knownEnd, batch.highWatermark);
    const { expected } = this;
    const [first] = batch.records;
    const last = batch.records.at(-1);
    if (expected && first && first.offset <= expected.offset) {
      const found = batch.records.find(({ offset }) => offset === expected.offset);
      if (found && hashOf(found) !== expected.hash) {
        this.events.refused(`the record at ${expected.offset} is not the one that was read there`, this.epoch);
        return false;
      }
    }
    this.expected = undefined;
    if (last) this.candidate ??= { offset: last.offset, hash: hashOf(last) };
    return true;
  }

  /** A record before the position, once there is a new one. */
  takeAnchor(): Anchor | undefined {
    const { candidate } = this;
    if (!candidate || candidate.offset >= this.position) return undefined;
    this.candidate = undefined;
    return candidate;
  }

  /**
   * Resolves where a space may have been written from this log: the newest fence that it has is of a record that the
   * log has, or of a log before it.
   * @throws ServiceError `event_spine.log_mismatch`, after it was told.
   */
  async holds(newest: number): Promise<void> {
    if (newest < this.fenceOf(this.knownEnd)) return;
    this.knownEnd = Math.max(this.knownEnd, await this.events.end());
    if (newest < this.fenceOf(this.knownEnd)) return;
    const { epoch, offset } = placeOf(newest);
    const reason =
      epoch > this.epoch
        ? `a space was written from log ${epoch}, this is log ${this.epoch}`
        : `a space was written from offset ${offset}, the log ends at ${this.knownEnd}`;
    this.events.refused(reason, epoch);
    throw new ServiceError('event_spine.log_mismatch', reason);
  }
}

function hashOf({ timestampMs, key, value }: KafkaRecord): string {
  return createHash('sha256')
    .update(`${timestampMs} ${key?.length ?? -1} `)
    .update(key ?? '')
    .update(value ?? '')
    .digest('hex');
}
