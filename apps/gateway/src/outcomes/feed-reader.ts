import { type FeedBatch, type FeedValue, topicName } from '@runspine/contracts';
import { type ConsumerStatus, GroupOfOneReader, type KafkaClient, type KafkaRecord } from '@runspine/kafka';
import type { Logger } from '@runspine/service';

export type FeedListener = (told: FeedValue) => void;

export interface FeedReaderOptions {
  client: KafkaClient;
  topicPrefix: string;
  logger: Logger;
  /** The reader cannot go on: end the process. */
  onFatal: (error: Error) => void;
}

/**
 * Reads every partition of the feed from now on, in a group of this process's own, and tells each outcome to every
 * listener, in the order of its partition. What it misses (a gap, a time before it was ready) PostgreSQL has.
 */
export class FeedReader {
  private readonly listeners = new Set<FeedListener>();
  private readonly reader: GroupOfOneReader;

  constructor(private readonly options: FeedReaderOptions) {
    this.reader = new GroupOfOneReader({
      client: options.client,
      topic: topicName('feed', options.topicPrefix),
      groupPrefix: `${options.topicPrefix}runspine-gateway-feed`,
      handler: (batch) => {
        for (const record of batch.records) this.tell(record);
      },
      onFatal: options.onFatal,
      onGap: (gap) => options.logger.warn({ ...gap }, 'records of the feed are gone before they were read'),
    });
  }

  /** Calls the listener with each outcome from now on; it must be quick and must not throw. Returns how to stop. */
  subscribe(listener: FeedListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Every partition is read from a known position. */
  get ready(): boolean {
    return this.reader.ready;
  }

  /** Resolves when it was ready for the first time. */
  whenReady(): Promise<void> {
    return this.reader.whenReady();
  }

  status(): ConsumerStatus {
    return this.reader.status();
  }

  /** Begins to read; tries until Kafka answers. */
  start(): Promise<void> {
    return this.reader.start();
  }

  close(): Promise<void> {
    return this.reader.close();
  }

  private tell({ topic, partition, offset, value }: KafkaRecord): void {
    const { logger } = this.options;
    try {
      const { outcomes } = JSON.parse(value?.toString('utf8') ?? '') as FeedBatch;
      for (const told of outcomes) {
        for (const listener of this.listeners) {
          try {
            listener(told);
          } catch (error) {
            logger.error({ err: error, partition, offset }, 'a listener of the feed failed');
          }
        }
      }
    } catch (error) {
      logger.error({ err: error, topic, partition, offset }, 'a record of the feed could not be told');
    }
  }
}
