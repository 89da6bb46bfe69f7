import type { KafkaRecord, TopicPartition } from './records.js';

/** What a handler gets: records of one partition in the order of the log, none left out. */
export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  /** Of the group's assignment; grows with each rebalance that this process saw. */
  readonly generation: number;
  /** At least one. */
  readonly records: readonly KafkaRecord[];
  /**
   * The position that the batch begins at: `nextOffset` of the batch before, or what `onAssigned` answered. At most the
   * first record's offset; less where offsets between hold no record (transaction markers, aborted records).
   */
  readonly firstOffset: number;
  /** The position after it: above the last record's offset. */
  readonly nextOffset: number;
  /** The offset that the partition's next record would have had when this was fetched. */
  readonly highWatermark: number;
}

/** Rejecting means: again, with the same records, after a delay, for ever. `PositionLost` means: elsewhere. */
export type PartitionBatchHandler = (batch: PartitionBatch) => Promise<void> | void;

/** Where a partition begins, or that it must not be read, and why. */
export interface AssignedPosition extends TopicPartition {
  readonly position: number | 'stopped';
  /** Shown in `status` for a stopped partition. */
  readonly reason?: string;
}

/** running, retrying a batch whose handler failed, stopped by `onAssigned`, or paused until its position is known. */
export type PartitionState = 'running' | 'retrying' | 'stopped' | 'paused';

export interface PartitionStatus extends TopicPartition {
  readonly state: PartitionState;
  /** The next offset to be handled; undefined until it is known. */
  readonly position: number | undefined;
  readonly highWatermark: number | undefined;
  /** highWatermark - position. */
  readonly lag: number | undefined;
  readonly queuedRecords: number;
  readonly queuedBytes: number;
  /** Why it is retrying or stopped. */
  readonly error: string | undefined;
}

export interface ConsumerStatus {
  readonly groupId: string;
  /** Member of the group, with an assignment. */
  readonly joined: boolean;
  /** Joined, and every assigned partition has its position and is not stopped. */
  readonly ready: boolean;
  readonly generation: number;
  /** Unix milliseconds of the last answer of a broker to a fetch; while joined, old means stuck. */
  readonly lastFetchAtMs: number | undefined;
  readonly partitions: PartitionStatus[];
}
