import type { Consumer } from 'kafkajs';
import { atMost, backoffMs, pause, within } from './backoff.js';
import { CommitHints } from './commit-hints.js';
import type { KafkaLogger } from './kafkajs-log.js';
import { PartitionAssignment, type FetchControl } from './partition-assignment.js';
import type { ConsumerStatus } from './partition-batch.js';
import type { PartitionConsumerOptions } from './partition-consumer-options.js';

/** What kafkajs takes for final although it only means that no broker answered for a while. */
const OUTAGES: ReadonlySet<string> = new Set(['KafkaJSGroupCoordinatorNotFound']);

/** How long leaving the group may take; a member that does not leave is given up after its session. */
const LEAVE_MS_MAX = 3000;

/**
 * Reads topics in a consumer group and hands over batches of one partition, one at a time each, partitions side by side.
 * Positions are the caller's (`onAssigned`); Kafka's are written as a hint. A handler that fails is called again with
 * the same batch; nothing is skipped. After a rebalance a batch may be in the hands of two members for a moment: the
 * handler's own compare-and-set on its position decides.
 */
export class PartitionConsumer {
  private readonly assignment: PartitionAssignment;
  private readonly hints: CommitHints;
  private readonly logger: KafkaLogger;
  private readonly drainTimeoutMs: number;
  private readonly stopping = new AbortController();
  private readonly fetching: FetchControl = {
    pause: ({ topic, partition }) => this.attempt((consumer) => consumer.pause([{ topic, partitions: [partition] }])),
    resume: ({ topic, partition }) => this.attempt((consumer) => consumer.resume([{ topic, partitions: [partition] }])),
    seek: ({ topic, partition }, offset) =>
      this.attempt((consumer) => consumer.seek({ topic, partition, offset: String(offset) })),
  };
  private consumer: Consumer | undefined;
  private starting: Promise<void> | undefined;
  private handedOver = false;
  private joined = false;
  private lastFetchAtMs: number | undefined;

  constructor(private readonly options: PartitionConsumerOptions) {
    this.logger = options.client.logger;
    this.drainTimeoutMs = options.drainTimeoutMs ?? 10_000;
    this.hints = new CommitHints(options.commitIntervalMs ?? 1000, this.logger, () => this.consumer);
    this.assignment = new PartitionAssignment(
      {
        logger: this.logger,
        onAssigned: options.onAssigned,
        onPositioned: options.onPositioned ?? (() => undefined),
        onHandled: (worker) => {
          if (options.commitPositions === false || worker.position === undefined) return;
          this.hints.add(worker.topic, worker.partition, worker.position);
        },
        drainTimeoutMs: this.drainTimeoutMs,
        worker: {
          handler: options.handler,
          logger: this.logger,
          maxBatchRecords: options.maxBatchRecords ?? 2000,
          maxBatchBytes: options.maxBatchBytes ?? 8 * 1024 * 1024,
          highWaterRecords: options.highWaterRecords ?? 8000,
          highWaterBytes: options.highWaterBytes ?? 16 * 1024 * 1024,
          retryMinMs: options.retryMinMs ?? 100,
          retryMaxMs: options.retryMaxMs ?? 5000,
        },
      },
      this.fetching,
    );
  }

  /**
   * Begins to connect and join, and goes on trying until `stop`, whether or not Kafka is there. Resolves when kafkajs
   * has taken over, usually with the first join behind it; `status` tells.
   */
  start(): Promise<void> {
    this.starting ??= this.connect();
    return this.starting;
  }

  /**
   * Stops fetching, waits for the handlers at work (within `drainTimeoutMs`), commits, and leaves the group (within
   * three seconds: while members join, the broker answers nobody until one that died is given up).
   */
  async stop(): Promise<void> {
    if (this.stopping.signal.aborted) return;
    this.stopping.abort();
    const workers = this.assignment.end();
    for (const worker of workers) this.fetching.pause(worker);
    await atMost(Promise.all(workers.map((worker) => worker.idle())), this.drainTimeoutMs);
    await within(this.leave(this.consumer), LEAVE_MS_MAX, () => new Error('Not done in time.')).catch(
      (error: unknown) => this.logger.warn({ err: error }, 'Kafka consumer did not stop cleanly'),
    );
    this.consumer = undefined;
    this.joined = false;
  }

  /** Drops what is queued of the partition and goes on at `offset`. Does nothing while it is not assigned. */
  seek(topic: string, partition: number, offset: number): void {
    this.assignment.seek({ topic, partition }, offset);
  }

  /** Asks `onAssigned` again for a partition, for example one that is stopped. */
  reposition(topic: string, partition: number): void {
    this.assignment.reposition({ topic, partition });
  }

  /** Commits a position to Kafka within the next second, as a hint for lag; failures are only logged. */
  commit(topic: string, partition: number, offset: number): void {
    this.hints.add(topic, partition, offset);
  }

  status(): ConsumerStatus {
    const partitions = this.assignment.statuses();
    const reading = partitions.every(({ state }) => state === 'running' || state === 'retrying');
    const { joined, lastFetchAtMs } = this;
    const { generation } = this.assignment;
    return { groupId: this.options.groupId, joined, ready: joined && reading, generation, lastFetchAtMs, partitions };
  }

  /** kafkajs throws when its group has just ended; the next join begins anew in any case. */
  private attempt(control: (consumer: Consumer) => void): void {
    if (!this.consumer) return;
    try {
      control(this.consumer);
    } catch (error) {
      this.logger.debug({ err: error }, 'Kafka consumer is not running');
    }
  }

  private async connect(): Promise<void> {
    const { signal } = this.stopping;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const consumer = this.createConsumer();
      this.consumer = consumer;
      try {
        await consumer.connect();
        await consumer.subscribe({ topics: [...this.options.topics], fromBeginning: true });
        if (signal.aborted) return await consumer.disconnect();
        this.handedOver = true;
        await consumer.run({
          autoCommit: false,
          eachBatchAutoResolve: false,
          partitionsConsumedConcurrently: 64,
          eachBatch: async (payload) => this.assignment.accept(payload),
        });
        return;
      } catch (error) {
        this.handedOver = false;
        this.logger.warn({ err: error, attempt }, 'Kafka consumer cannot connect');
        consumer.disconnect().catch(() => undefined);
        await pause(backoffMs(attempt, 100, 5000), signal);
      }
    }
  }

  private createConsumer(): Consumer {
    const { client, groupId, ...options } = this.options;
    const consumer = client.kafka.consumer({
      groupId,
      allowAutoTopicCreation: false,
      sessionTimeout: options.sessionTimeoutMs ?? 10_000,
      heartbeatInterval: options.heartbeatIntervalMs ?? 1000,
      rebalanceTimeout: options.rebalanceTimeoutMs ?? 15_000,
      minBytes: 1,
      maxBytes: options.maxBytes ?? 10 * 1024 * 1024,
      maxBytesPerPartition: options.maxBytesPerPartition ?? 1024 * 1024,
      maxWaitTimeInMs: options.maxWaitTimeMs ?? 100,
      retry: { retries: 8, initialRetryTime: 100, maxRetryTime: 2000 },
    });
    this.listen(consumer);
    return consumer;
  }

  private listen(consumer: Consumer): void {
    const { events } = consumer;
    consumer.on(events.GROUP_JOIN, ({ payload }) => {
      if (this.stopping.signal.aborted) return;
      this.joined = true;
      this.hints.clear();
      const assigned = Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) =>
        partitions.map((partition) => ({ topic, partition })),
      );
      this.assignment.begin(assigned);
      this.logger.info({ groupId: payload.groupId, assigned, generation: this.assignment.generation }, 'Joined group');
    });
    consumer.on(events.REBALANCING, () => (this.joined = false));
    consumer.on(events.FETCH, () => (this.lastFetchAtMs = Date.now()));
    consumer.on(events.START_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize > 0) return;
      const first: string | null = payload.firstOffset;
      this.assignment.skipEmpty(payload, first === null ? undefined : Number(first), Number(payload.lastOffset));
    });
    consumer.on(events.CRASH, ({ payload }) => {
      this.joined = false;
      // A restart is set up after this event: ended once it is.
      if (this.stopping.signal.aborted) setImmediate(() => void consumer.disconnect().catch(() => undefined));
      if (payload.restart || this.stopping.signal.aborted) return;
      if (OUTAGES.has(payload.error.name)) return this.beginAnew(payload.error);
      this.logger.error({ err: payload.error }, 'Kafka consumer gave up');
      this.options.onFatal(payload.error);
    });
  }

  /** kafkajs has disconnected the consumer and let it go: another one joins as soon as Kafka answers. */
  private beginAnew(error: Error): void {
    this.logger.warn({ err: error }, 'Kafka consumer begins anew');
    this.handedOver = false;
    this.starting = this.connect();
  }

  private async leave(consumer: Consumer | undefined): Promise<void> {
    if (this.joined) await this.hints.flush();
    // kafkajs cannot be stopped while it joins, and need not be waited for while it only tries to connect.
    if (this.handedOver) await this.starting;
    await consumer?.disconnect();
  }
}
