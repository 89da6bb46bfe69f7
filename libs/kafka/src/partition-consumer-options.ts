import type { KafkaClient } from './client.js';
import type { AssignedPosition, PartitionBatchHandler } from './partition-batch.js';
import type { TopicPartition } from './records.js';

export interface PartitionConsumerOptions {
  readonly client: KafkaClient;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly handler: PartitionBatchHandler;
  /**
   * Asked at each assignment, and again when a partition's position turns out not to be in its log: where each of these
   * partitions begins. Kafka's committed offsets are never used. A rejection is asked again, with a growing delay; a
   * partition that is not answered is stopped.
   */
  readonly onAssigned: (assigned: TopicPartition[]) => Promise<AssignedPosition[]>;
  /** kafkajs gave up and will not read again in this process: exit. */
  readonly onFatal: (error: Error) => void;
  /** Some partitions have their positions now, or are stopped. */
  readonly onPositioned?: () => void;
  /** Commits handled positions to Kafka, as a hint for lag. @default true */
  readonly commitPositions?: boolean;
  /** @default 1000 */
  readonly commitIntervalMs?: number;
  /** Records that one batch holds at most. @default 2000 */
  readonly maxBatchRecords?: number;
  /** @default 8 MiB */
  readonly maxBatchBytes?: number;
  /** Records of one partition that wait before its fetching pauses; it goes on at half. @default 8000 */
  readonly highWaterRecords?: number;
  /** A fetch may go beyond it by `maxBytesPerPartition`. @default 16 MiB */
  readonly highWaterBytes?: number;
  /** First and longest delay before a batch, or the question for positions, is tried again. @default 100 and 5000 */
  readonly retryMinMs?: number;
  readonly retryMaxMs?: number;
  /** How long a broker holds an empty fetch; also how late a resumed partition may be. @default 100 */
  readonly maxWaitTimeMs?: number;
  /** Of one fetch and partition; Kafka gives a larger batch whole. @default 1 MiB */
  readonly maxBytesPerPartition?: number;
  /** Of one fetch. @default 10 MiB */
  readonly maxBytes?: number;
  /** After how long without heartbeat the group gives this member's partitions to others. @default 10000 */
  readonly sessionTimeoutMs?: number;
  /** @default 1000 */
  readonly heartbeatIntervalMs?: number;
  /** How long a rebalance waits for its members. @default 15000 */
  readonly rebalanceTimeoutMs?: number;
  /** How long `stop` and a reassignment wait for the handlers at work. @default 10000 */
  readonly drainTimeoutMs?: number;
}
