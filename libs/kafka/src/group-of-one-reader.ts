import { randomUUID } from 'node:crypto';
import { backoffMs, pause } from './backoff.js';
import type { KafkaClient } from './client.js';
import type { AssignedPosition, ConsumerStatus, PartitionBatch } from './partition-batch.js';
import { PartitionConsumer } from './partition-consumer.js';
import type { PartitionConsumerOptions } from './partition-consumer-options.js';
import type { TopicPartition } from './records.js';
import { topicWatermarks } from './topics.js';

/** Records that this reader will never see: they left the log before they were read. */
export interface ReaderGap {
  readonly topic: string;
  readonly partition: number;
  /** The first offset missed. */
  readonly from: number;
  /** Where reading goes on. */
  readonly to: number;
}

export interface GroupOfOneReaderOptions {
  readonly client: KafkaClient;
  readonly topic: string;
  /** The group's name begins with it; a UUID makes it this reader's alone. */
  readonly groupPrefix: string;
  /** Synchronous and fast; what it throws is logged, and the batch comes again. */
  readonly handler: (batch: PartitionBatch) => void;
  readonly onFatal: (error: Error) => void;
  readonly onGap?: (gap: ReaderGap) => void;
  /** Bounds and times of the consumer beneath. */
  readonly consumer?: Partial<
    Omit<PartitionConsumerOptions, 'client' | 'groupId' | 'topics' | 'handler' | 'onAssigned' | 'onFatal'>
  >;
}

/**
 * Reads every partition of a topic from now on, in a group of its own. Its positions live in memory: after any rejoin it
 * goes on where it was, never at a committed or default offset.
 */
export class GroupOfOneReader {
  readonly groupId: string;
  private readonly consumer: PartitionConsumer;
  private readonly positions = new Map<number, number>();
  private readonly stopping = new AbortController();
  private readonly firstReady = Promise.withResolvers<void>();

  constructor(private readonly options: GroupOfOneReaderOptions) {
    this.groupId = `${options.groupPrefix}-${randomUUID()}`;
    this.consumer = new PartitionConsumer({
      maxBatchRecords: 1000,
      ...options.consumer,
      commitPositions: false,
      client: options.client,
      groupId: this.groupId,
      topics: [options.topic],
      onFatal: options.onFatal,
      onAssigned: (assigned) => this.ownPositions(assigned),
      onPositioned: () => {
        if (this.ready) this.firstReady.resolve();
        options.consumer?.onPositioned?.();
      },
      handler: (batch) => {
        options.handler(batch);
        this.positions.set(batch.partition, batch.nextOffset);
      },
    });
  }

  /** Every partition is assigned and read from a known position. */
  get ready(): boolean {
    const { ready, partitions } = this.consumer.status();
    return ready && this.positions.size > 0 && partitions.length === this.positions.size;
  }

  /** Notes the end of each partition, tried until Kafka answers, then joins. What is written later is read. */
  async start(): Promise<void> {
    const { signal } = this.stopping;
    for (let attempt = 0; !signal.aborted && this.positions.size === 0; attempt++) {
      try {
        for (const { partition, high } of await this.watermarks()) this.positions.set(partition, high);
      } catch (error) {
        this.options.client.logger.warn({ err: error, attempt }, 'Ends of the topic unknown, asked again');
        await pause(backoffMs(attempt, 100, 5000), signal);
      }
    }
    if (!signal.aborted) await this.consumer.start();
  }

  /** Resolves when it was ready for the first time. */
  whenReady(): Promise<void> {
    return this.firstReady.promise;
  }

  status(): ConsumerStatus {
    return { ...this.consumer.status(), ready: this.ready };
  }

  /** Leaves the group and deletes it, as far as the broker lets it. */
  async close(): Promise<void> {
    this.stopping.abort();
    await this.consumer.stop();
    await this.options.client
      .withAdmin((admin) => admin.deleteGroups([this.groupId]))
      .catch((error: unknown) => this.options.client.logger.debug({ err: error }, 'Group not deleted'));
  }

  private watermarks(): ReturnType<typeof topicWatermarks> {
    return this.options.client.withAdmin((admin) => topicWatermarks(admin, this.options.topic));
  }

  /** Its own positions, as far as the log still has them. */
  private async ownPositions(assigned: readonly TopicPartition[]): Promise<AssignedPosition[]> {
    const watermarks = await this.watermarks();
    return assigned.map(({ topic, partition }) => {
      const log = watermarks.find((one) => one.partition === partition);
      if (!log) return { topic, partition, position: 'stopped', reason: 'The topic has no such partition.' };
      const own = this.positions.get(partition) ?? log.low;
      if (own >= log.low && own <= log.high) {
        this.positions.set(partition, own);
        return { topic, partition, position: own };
      }
      // Retention has passed it, or the topic was made anew.
      this.positions.set(partition, log.low);
      this.options.onGap?.({ topic, partition, from: own, to: log.low });
      return { topic, partition, position: log.low };
    });
  }
}
