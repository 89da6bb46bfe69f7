import type { Producer } from 'kafkajs';
import { backoffMs, pause, within } from './backoff.js';
import type { KafkaClient } from './client.js';

export interface ProducerConnectionOptions {
  readonly idempotent: boolean;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** How often kafkajs tries a send again within one producer, where the broker recognises what it has already. */
  readonly sendRetries: number;
  readonly connectTimeoutMs: number;
}

/**
 * One kafkajs producer at a time. After a failed send its sequence numbers cannot be trusted, so it is discarded and
 * another one, with a producer id of its own, takes its place.
 */
export class ProducerConnection {
  private producer: Producer | undefined;
  private attempt = 0;
  private closed = false;

  constructor(
    private readonly client: KafkaClient,
    private readonly options: ProducerConnectionOptions,
  ) {}

  get connected(): boolean {
    return this.producer !== undefined;
  }

  /** A connected producer; tries with a growing delay until `wanted` says that nobody waits any more. */
  async ready(wanted: () => boolean, signal: AbortSignal): Promise<Producer | undefined> {
    while (this.producer === undefined && wanted()) {
      if (this.attempt > 0) {
        await pause(backoffMs(this.attempt - 1, this.options.retryMinMs, this.options.retryMaxMs), signal);
        if (!wanted()) return undefined;
      }
      await this.connect();
    }
    return this.producer;
  }

  /** The last send was acknowledged: the next failure starts with a short delay again. */
  succeeded(): void {
    this.attempt = 0;
  }

  /** Gives the current producer up; it disconnects in the background. */
  discard(reason: unknown): void {
    const producer = this.producer;
    if (!producer) return;
    this.producer = undefined;
    this.attempt += 1;
    this.client.logger.warn({ err: reason }, 'Kafka producer discarded after a failed send');
    producer.disconnect().catch(() => undefined);
  }

  /** A connection that is still being made is dropped when it is there. */
  async close(): Promise<void> {
    this.closed = true;
    const producer = this.producer;
    this.producer = undefined;
    await producer?.disconnect().catch(() => undefined);
  }

  private async connect(): Promise<void> {
    const { idempotent, sendRetries, connectTimeoutMs } = this.options;
    const producer = this.client.kafka.producer({
      idempotent,
      allowAutoTopicCreation: false,
      retry: { retries: sendRetries, initialRetryTime: 100, maxRetryTime: 1000 },
    });
    const connecting = producer.connect();
    try {
      await within(connecting, connectTimeoutMs, () => new Error(`Not connected within ${connectTimeoutMs} ms.`));
      if (this.closed) throw new Error('Closed meanwhile.');
      this.producer = producer;
    } catch (error) {
      this.attempt += 1;
      this.client.logger.warn({ err: error, attempt: this.attempt }, 'Kafka producer cannot connect');
      // Also one that connects late.
      connecting.finally(() => producer.disconnect()).catch(() => undefined);
    }
  }
}
