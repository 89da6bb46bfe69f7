import { Inject, Injectable } from '@nestjs/common';
import { encodeBinary, EVENT_DATA_BYTES_MAX, ServiceError, type SubmittedEvent, topicName } from '@runspine/contracts';
import {
  BatchingProducer,
  KafkaUnavailable,
  type OutgoingRecord,
  partitionFor,
  ProducerClosed,
  ProducerOverloaded,
  RecordTooLarge,
} from '@runspine/kafka';
import type { GatewaySettings } from '../config.js';
import { SETTINGS } from '../tokens.js';

/** Writes events to `runspine.runs.v1`: the key from the run's id, the partition from the key. */
@Injectable()
export class EventSender {
  private readonly topic: string;
  private partitions: number | undefined;

  constructor(
    @Inject(BatchingProducer) private readonly producer: BatchingProducer,
    @Inject(SETTINGS) settings: GatewaySettings,
  ) {
    this.topic = topicName('runs', settings.topicPrefix);
  }

  /** How many partitions the topic has, which the topic itself knows best. */
  knowPartitions(partitions: number): void {
    this.partitions = partitions;
  }

  get ready(): boolean {
    return this.partitions !== undefined;
  }

  /**
   * The records of events, in order.
   * @throws ServiceError `event.too_large`; `event_spine.unavailable` before the topic's partitions are known.
   */
  recordsOf(events: readonly SubmittedEvent[]): OutgoingRecord[] {
    return events.map((event) => {
      if (this.partitions === undefined) throw unavailable(event, 'Kafka has not answered yet; nothing was sent.');
      const { key, headers, value } = encodeBinary(event);
      // A UTF-16 unit is at most 3 bytes of UTF-8.
      if (value.length > EVENT_DATA_BYTES_MAX / 3 && Buffer.byteLength(value) > EVENT_DATA_BYTES_MAX) {
        throw new ServiceError('event.too_large', undefined, { bytes_max: EVENT_DATA_BYTES_MAX, event_id: event.id });
      }
      return { topic: this.topic, partition: partitionFor(key, this.partitions), key, headers, value };
    });
  }

  /**
   * Resolves once all in-sync replicas have all of them.
   * @throws ServiceError `event_spine.unavailable`, `event_spine.overloaded`, `event.too_large`, `service.draining`.
   */
  async send(records: readonly OutgoingRecord[], first: SubmittedEvent): Promise<void> {
    try {
      const [only] = records;
      if (records.length === 1 && only) await this.producer.send(only);
      else await this.producer.sendMany(records);
    } catch (error) {
      throw refusalOf(error, first);
    }
  }
}

function refusalOf(error: unknown, event: SubmittedEvent): unknown {
  const details = { event_id: event.id, run_id: event.subject };
  if (error instanceof ProducerOverloaded) {
    return new ServiceError('event_spine.overloaded', undefined, details, { cause: error });
  }
  if (error instanceof KafkaUnavailable) {
    return error.mayBeWritten
      ? unavailable(event, undefined, error)
      : unavailable(event, 'Kafka does not answer; the event was not sent.', error);
  }
  if (error instanceof RecordTooLarge) return new ServiceError('event.too_large', undefined, details, { cause: error });
  if (error instanceof ProducerClosed) return new ServiceError('service.draining', undefined, details);
  return error;
}

function unavailable(event: SubmittedEvent, message?: string, cause?: unknown): ServiceError {
  const details = { event_id: event.id, run_id: event.subject };
  return new ServiceError('event_spine.unavailable', message, details, { cause });
}
