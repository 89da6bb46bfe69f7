import type { BatchingProducer } from './batching-producer.js';
import type { KafkaClient } from './client.js';
import { cutRecord, type GivenRecord } from './cut-record.js';
import { partitionFor } from './partitioning.js';
import type { RecordPosition } from './records.js';
import { partitionCount } from './topics.js';

export interface DeadLetter {
  readonly source: {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
    readonly group: string;
  };
  /** Why no retry can make it readable: a code of the registry. */
  readonly code: string;
  /** The path of the fault, or a sentence; at most 1,024 characters are kept. */
  readonly detail?: string;
  readonly record: GivenRecord;
}

export interface DeadLetterProducerOptions {
  readonly client: KafkaClient;
  /** Shared with others; it is not closed here. */
  readonly producer: BatchingProducer;
  readonly topic: string;
}

/**
 * Keeps what cannot be read: key, value and headers as they were, and beside them where it came from and why, in
 * `dl_topic`, `dl_partition`, `dl_offset`, `dl_group`, `dl_code`, `dl_time` (ISO 8601) and `dl_detail`. A record that is
 * larger than any may be, which a compressed batch can bring, is kept in part, and `dl_cut` names what is not whole.
 */
export class DeadLetterProducer {
  private partitions: Promise<number> | undefined;

  constructor(private readonly options: DeadLetterProducerOptions) {}

  /**
   * Resolves when the dead letter is acknowledged: only then may the source's offset move. Rejects as
   * `BatchingProducer.send`, or with `UnknownTopic`.
   */
  async publish(letter: DeadLetter): Promise<RecordPosition> {
    const { source } = letter;
    const { key, value, headers, about } = cutRecord(letter.record);
    const partitions = await this.partitionCount();
    return this.options.producer.send({
      topic: this.options.topic,
      partition: key === null ? 0 : partitionFor(key, partitions),
      key,
      value,
      headers: {
        ...headers,
        dl_topic: source.topic,
        dl_partition: String(source.partition),
        dl_offset: String(source.offset),
        dl_group: source.group,
        dl_code: letter.code,
        dl_time: new Date().toISOString(),
        dl_detail: (letter.detail ?? '').slice(0, 1024),
        ...about,
      },
    });
  }

  /** Never changes in a topic's life, so it is asked once. */
  private partitionCount(): Promise<number> {
    this.partitions ??= this.options.client
      .withAdmin((admin) => partitionCount(admin, this.options.topic))
      .catch((error: unknown) => {
        this.partitions = undefined;
        throw error;
      });
    return this.partitions;
  }
}
