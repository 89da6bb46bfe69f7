import { applyDecorators, Catch, UseFilters, type ArgumentsHost, type RpcExceptionFilter } from '@nestjs/common';
import { EventPattern, Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom, throwError, type Observable } from 'rxjs';
import type { ConsumerStatus, PartitionBatch } from './partition-batch.js';
import { PartitionConsumer } from './partition-consumer.js';
import type { PartitionConsumerOptions } from './partition-consumer-options.js';

/** Nest would turn an error of a handler into a text; the consumer needs it as it is, `PositionLost` above all. */
@Catch()
export class HandlerErrors implements RpcExceptionFilter<unknown> {
  catch(error: unknown, _host: ArgumentsHost): Observable<never> {
    return throwError(() => error);
  }
}

/**
 * Marks a controller's method as the handler of a topic's batches: `(batch: PartitionBatch) => Promise<void>`. The name
 * is without the transport's prefix. One handler a topic.
 */
export function PartitionHandler(topic: string): MethodDecorator {
  return applyDecorators(EventPattern(topic) as MethodDecorator, UseFilters(new HandlerErrors()));
}

export interface ProjectorTransportOptions extends Omit<PartitionConsumerOptions, 'topics' | 'handler'> {
  /** Goes before the topics that handlers name. @default '' */
  readonly topicPrefix?: string;
}

/**
 * Nest's transport for whole batches of a partition, in order, with positions of the application's own (its `onAssigned`)
 * and retries for ever; Nest's own Kafka transport handles one message at a time and moves past what it cannot read.
 */
export class ProjectorTransport extends Server implements CustomTransportStrategy {
  override readonly transportId = Symbol('runspine.partition-batches');
  override readonly propagatesEventHandlerErrors = true;
  private consumer: PartitionConsumer | undefined;

  constructor(private readonly options: ProjectorTransportOptions) {
    super();
  }

  /** Begins to consume the topics that handlers name; Kafka need not be there yet. */
  listen(callback: (error?: unknown) => void): void {
    const { topicPrefix = '', ...options } = this.options;
    const handlers = new Map<string, MessageHandler>();
    for (const [pattern, handler] of this.messageHandlers) {
      if (handler.next) throw new Error(`Topic ${pattern} has two handlers.`);
      handlers.set(topicPrefix + pattern, handler);
    }
    this.consumer = new PartitionConsumer({
      ...options,
      topics: [...handlers.keys()],
      handler: async (batch) => handleBatch(handlers.get(batch.topic), batch),
    });
    this.consumer
      .start()
      .catch((error: unknown) => options.onFatal(error instanceof Error ? error : new Error(String(error))));
    callback();
  }

  /** As `PartitionConsumer.stop`. */
  async close(): Promise<void> {
    await this.consumer?.stop();
  }

  /** Undefined before `listen`. (Nest's own `status` is an observable of the connection.) */
  consumerStatus(): ConsumerStatus | undefined {
    return this.consumer?.status();
  }

  /** The transport has no events of its own; `consumerStatus` tells. */
  on(): this {
    return this;
  }

  /** The `PartitionConsumer`, after `listen`. */
  unwrap<T>(): T {
    if (!this.consumer) throw new Error('The transport does not listen yet.');
    return this.consumer as T;
  }
}

async function handleBatch(handler: MessageHandler | undefined, batch: PartitionBatch): Promise<void> {
  if (!handler) throw new Error(`Topic ${batch.topic} has no handler.`);
  const result: unknown = await handler(batch);
  if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
}
