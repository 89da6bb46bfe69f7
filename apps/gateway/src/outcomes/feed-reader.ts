import { type FeedValue, topicName } from '@runspine/contracts';
import { type ConsumerStatus, GroupOfOneReader, headerText, type KafkaClient, type KafkaRecord } from '@runspine/kafka';
import type { Logger } from '@runspine/service';

/** What became of an event, as the feed's header says: `repeat` is a first outcome told again. */
export type FeedKind = 'applied' | 'rejected' | 'parked' | 'repeat';

/** A record of the feed: what readers route by, and the value for those whom it concerns. */
export class FeedRecord {
  readonly eventId: string;
  readonly tenantId: string;
  readonly env: string;
  readonly runId: string;
  /** The room of an applied event, where its run has one. */
  readonly roomId: string | undefined;
  readonly kind: FeedKind;
  readonly partition: number;
  readonly offset: number;
  /** The value's JSON text as bytes. */
  readonly raw: Buffer;
  private parsed: FeedValue | undefined;

  constructor(record: KafkaRecord) {
    const { headers } = record;
    this.eventId = headerText(headers, 'ce_id') ?? '';
    this.tenantId = headerText(headers, 'ce_tenantid') ?? '';
    this.env = headerText(headers, 'ce_env') ?? '';
    this.runId = headerText(headers, 'ce_subject') ?? '';
    this.roomId = headerText(headers, 'ce_roomid');
    this.kind = (headerText(headers, 'ce_outcome') ?? 'repeat') as FeedKind;
    this.partition = record.partition;
    this.offset = record.offset;
    this.raw = record.value ?? Buffer.from('{}');
  }

  /** The value, parsed when first asked for: most records concern nobody here. */
  value(): FeedValue {
    this.parsed ??= JSON.parse(this.raw.toString('utf8')) as FeedValue;
    return this.parsed;
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
 * Reads every partition of the feed from now on, in a group of this process's own, and tells each record to every
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

  /** Calls the listener with each record from now on; it must be quick and must not throw. Returns how to stop. */
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

  private tell(raw: KafkaRecord): void {
    const record = new FeedRecord(raw);
    for (const listener of this.listeners) {
      try {
        listener(record);
      } catch (error) {
        const { topic, partition, offset } = raw;
        this.options.logger.error({ err: error, topic, partition, offset }, 'a listener of the feed failed');
      }
    }
  }
}
