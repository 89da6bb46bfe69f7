import { decodeNexusRecord, encodeBinary, type NexusEvent } from '@runspine/contracts';
import {
  type AssignedPosition,
  type BatchingProducer,
  type ConsumerStatus,
  type KafkaClient,
  type KafkaRecord,
  KafkaUnavailable,
  PartitionConsumer,
  type PartitionBatch,
  partitionFor,
  ProducerOverloaded,
  type TopicPartition,
} from '@runspine/kafka';
import { Metrics } from '@runspine/service';
import { pause } from '../remote/json-post.js';
import { Decisions } from './decisions.js';
import type { IngestParts } from './ingest-parts.js';
import { IngestPartition, type PartitionLimits } from './ingest-partition.js';
import { LogPositions } from './log/log-positions.js';
import { type NexusDatabase, StoredLogs } from './log/stored-logs.js';
import type { IngestRequested } from './task.js';

/** What the consumer needs beside what the work on spaces shares. */
export interface IngestConsumerOptions {
  readonly kafka: KafkaClient;
  readonly producer: BatchingProducer;
  readonly pool: NexusDatabase;
  readonly topic: string;
  readonly groupId: string;
  readonly partitions: number;
  readonly parts: Omit<IngestParts, 'publish' | 'decisions'>;
  readonly limits: PartitionLimits;
  readonly metrics?: Metrics;
  readonly onFatal: (error: Error) => void;
}

const PUBLISH_PAUSE_MS = 500;
const BATCH_RECORDS_MAX = 200;
const QUEUE_BYTES = 4 * 1024 * 1024;

/**
 * Reads `nexus.ingest_requested` and works on it. Other types are others' business, and so is what cannot be read: the
 * projector, which reads the same topic, sets it aside as a dead letter.
 */
export class IngestConsumer {
  private readonly consumer: PartitionConsumer;
  private readonly positions: LogPositions;
  private readonly working = new Map<number, IngestPartition>();
  private readonly stopping = new AbortController();
  private readonly parts: IngestParts;

  constructor(private readonly options: IngestConsumerOptions) {
    const { kafka, topic, groupId, partitions, pool } = options;
    const { logger } = options.parts;
    const decisions = new Decisions(pool, logger);
    this.parts = { ...options.parts, decisions, publish: (event) => this.publish(event) };
    const stored = new StoredLogs(pool, topic);
    const onRefused = (partition: number) => this.refuse(partition);
    this.positions = new LogPositions({ kafka, stored, topic, groupId, partitions, logger, onRefused });
    this.consumer = new PartitionConsumer({
      client: options.kafka,
      groupId: options.groupId,
      topics: [options.topic],
      handler: (batch) => this.handle(batch),
      onAssigned: (assigned) => this.assign(assigned),
      onFatal: options.onFatal,
      // The position is where the work is done, which lies behind where batches were taken.
      commitPositions: false,
      maxBatchRecords: BATCH_RECORDS_MAX,
      highWaterRecords: BATCH_RECORDS_MAX,
      highWaterBytes: QUEUE_BYTES,
    });
    this.measure(options.metrics ?? new Metrics('nexus', false));
  }

  start(): Promise<void> {
    this.positions.start();
    return this.consumer.start();
  }

  status(): ConsumerStatus {
    return this.consumer.status();
  }

  /** Takes no more, lets what is being written be written, commits where the work stands, and leaves the group. */
  async stop(): Promise<void> {
    this.stopping.abort(new Error('the service stops'));
    await Promise.allSettled([...this.working.values()].map((partition) => partition.stop()));
    await this.consumer.stop();
    await this.positions.stop();
  }

  private async assign(assigned: TopicPartition[]): Promise<AssignedPosition[]> {
    for (const { partition } of assigned) {
      const before = this.working.get(partition);
      this.working.delete(partition);
      await before?.stop();
    }
    const positions = await this.positions.assign(assigned);
    for (const { topic, partition, position } of positions) {
      if (position === 'stopped') continue;
      const log = this.positions.logOf(partition);
      const moved = (offset: number) => {
        log.position = offset;
        this.consumer.commit(topic, partition, offset);
      };
      const read = (record: KafkaRecord) => this.read(record);
      this.working.set(partition, new IngestPartition(log, this.parts, this.options.limits, moved, read));
    }
    return positions;
  }

  /** The log is not the one that the spaces were written from: nothing more of it is taken, and nothing is told. */
  private refuse(partition: number): void {
    this.working.get(partition)?.abandon();
    this.consumer.reposition(this.options.topic, partition);
  }

  private async handle(batch: PartitionBatch): Promise<void> {
    await this.working.get(batch.partition)?.take(batch);
  }

  private read(record: KafkaRecord): IngestRequested | undefined {
    const { partition, offset } = record;
    const decoded = decodeNexusRecord(record);
    const { logger } = this.options.parts;
    if ('fault' in decoded) {
      const { code, path } = decoded.fault;
      logger.warn({ partition, offset, code, path }, 'a record cannot be read; the projector sets it aside');
      return undefined;
    }
    const { event } = decoded;
    if (event.type !== 'nexus.ingest_requested') return undefined;
    if (partitionFor(event.partitionkey, this.options.partitions) === partition) return event;
    logger.warn(
      { partition, offset, code: 'event.wrong_partition' },
      'a record lies on another partition than its own',
    );
    return undefined;
  }

  /** Until Kafka has it: a task is not done before its outcome is told. */
  private async publish(event: NexusEvent): Promise<void> {
    const { producer, topic, partitions } = this.options;
    const { key, headers, value } = encodeBinary(event);
    for (;;) {
      try {
        await producer.send({ topic, partition: partitionFor(key, partitions), key, headers, value });
        return;
      } catch (error) {
        this.stopping.signal.throwIfAborted();
        if (!(error instanceof KafkaUnavailable || error instanceof ProducerOverloaded)) throw error;
        await pause(PUBLISH_PAUSE_MS, this.stopping.signal);
      }
    }
  }

  private measure(metrics: Metrics): void {
    const { working } = this;
    metrics.gauge({
      name: 'runspine_nexus_tasks_in_work',
      help: 'Ingest tasks in work.',
      collect() {
        let tasks = 0;
        for (const partition of working.values()) tasks += partition.tasks;
        this.set(tasks);
      },
    });
  }
}
