import { type FeedBatch, type FeedValue, topicName } from '@runspine/contracts';
import { type ConsumerStatus, GroupOfOneReader, type KafkaClient, type KafkaRecord } from '@runspine/kafka';
import type { Logger } from '@runspine/service';

/** What became of an event, as the feed's header says: `repeat` is a first outcome told again. */
export type FeedKind = 'applied' | 'rejected' | 'parked' | 'repeat';

/** What a record of the feed tells of one event. */
export class FeedRecord {
  readonly eventId: string;
  readonly tenantId: string;
  readonly env: string;
  readonly runId: string;
  /** The room of an applied event, where its run has one. */
  readonly roomId: string | undefined;
  readonly kind: FeedKind;
  /** Its commit told whoever waits for this submission of the event. */
  readonly noticed: boolean;

  constructor(
    private readonly told: FeedValue,
    readonly partition: number,
    readonly offset: number,
  ) {
    const { outcome, event } = told;
    this.eventId = outcome.event_id;
    this.tenantId = outcome.tenant_id;
    this.env = outcome.env;
    this.runId = outcome.run_id;
    this.roomId = event?.room_id ?? undefined;
    this.kind = outcome.repeat ? 'repeat' : outcome.outcome;
    this.noticed = told.noticed ?? false;
  }

  value(): FeedValue {
    return this.told;
  }
}

export type FeedListener = (record: FeedRecord) => void;

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

  private tell(record: KafkaRecord): void {
    const { topic, partition, offset, value } = record;
    try {
      const { outcomes } = JSON.parse(value?.toString('utf8') ?? '') as FeedBatch;
      for (const told of outcomes) this.tellOne(new FeedRecord(told, partition, offset));
    } catch (error) {
      this.options.logger.error({ err: error, topic, partition, offset }, 'a record of the feed could not be told');
    }
  }

  private tellOne(record: FeedRecord): void {
    for (const listener of this.listeners) {
      try {
        listener(record);
      } catch (error) {
        const { partition, offset } = record;
        this.options.logger.error({ err: error, partition, offset }, 'a listener of the feed failed');
      }
    }
  }
}
