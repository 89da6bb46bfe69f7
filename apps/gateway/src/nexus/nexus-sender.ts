import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { encodeBinary, type NexusEvent, ServiceError, topicName } from '@runspine/contracts';
import {
  BatchingProducer,
  type KafkaClient,
  KafkaUnavailable,
  partitionCount,
  partitionFor,
  ProducerClosed,
  ProducerOverloaded,
  RecordTooLarge,
} from '@runspine/kafka';
import type { Logger } from '@runspine/service';
import { setTimeout as pause } from 'node:timers/promises';
import type { GatewaySettings } from '../config.js';
import { KAFKA, LOGGER, SETTINGS } from '../tokens.js';

/** Writes events to `runspine.nexus.v1`: the key is the path of their space, the partition comes from the key. */
@Injectable()
export class NexusSender implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly topic: string;
  private readonly stopping = new AbortController();
  private partitions: number | undefined;

  constructor(
    @Inject(BatchingProducer) private readonly producer: BatchingProducer,
    @Inject(KAFKA) private readonly kafka: KafkaClient,
    @Inject(SETTINGS) settings: GatewaySettings,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.topic = topicName('nexus', settings.topicPrefix);
  }

  onApplicationBootstrap(): void {
    void this.knowPartitions();
  }

  onApplicationShutdown(): void {
    this.stopping.abort();
  }

  /**
   * Resolves once all in-sync replicas have it.
   * @throws ServiceError `event_spine.unavailable`, `event_spine.overloaded`, `event.too_large`, `service.draining`.
   */
  async send(event: NexusEvent): Promise<void> {
    const details = { event_id: event.id };
    if (this.partitions === undefined) {
      const message = 'Kafka has not answered yet; nothing was sent.';
      throw new ServiceError('event_spine.unavailable', message, details);
    }
    const { key, headers, value } = encodeBinary(event);
    const partition = partitionFor(key, this.partitions);
    try {
      await this.producer.send({ topic: this.topic, partition, key, headers, value });
    } catch (error) {
      throw refusalOf(error, details);
    }
  }

  /** Asks Kafka, until it answers, how many partitions the topic has. */
  private async knowPartitions(): Promise<void> {
    const { signal } = this.stopping;
    for (let waitMs = 100; !signal.aborted; waitMs = Math.min(2 * waitMs, 5000)) {
      try {
        this.partitions = await this.kafka.withAdmin((admin) => partitionCount(admin, this.topic));
        return;
      } catch (error) {
        const { topic } = this;
        this.logger.warn({ err: error, topic, wait_ms: waitMs }, 'Partitions of the topic unknown, asked again');
        await pause(waitMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }
}

function refusalOf(error: unknown, details: { event_id: string }): unknown {
  if (error instanceof ProducerOverloaded) {
    return new ServiceError('event_spine.overloaded', undefined, details, { cause: error });
  }
  if (error instanceof KafkaUnavailable) {
    const message = error.mayBeWritten ? undefined : 'Kafka does not answer; the event was not sent.';
    return new ServiceError('event_spine.unavailable', message, details, { cause: error });
  }
  if (error instanceof RecordTooLarge) return new ServiceError('event.too_large', undefined, details, { cause: error });
  if (error instanceof ProducerClosed) return new ServiceError('service.draining', undefined, details);
  return error;
}
