import {
  type AssignedPosition,
  describeCluster,
  type KafkaClient,
  logMismatch,
  type PartitionWatermarks,
  positionMismatch,
  type TopicPartition,
  topicWatermarks,
} from '@runspine/kafka';
import type { Logger } from '@runspine/service';
import { pause } from '../../remote/json-post.js';
import { committedPositions } from './committed-positions.js';
import { PartitionLog } from './partition-log.js';
import type { StoredLog, StoredLogs } from './stored-logs.js';

export interface LogPositionsOptions {
  readonly kafka: KafkaClient;
  readonly stored: StoredLogs;
  readonly topic: string;
  readonly groupId: string;
  readonly partitions: number;
  readonly logger: Logger;
  /** Told when a partition that is being read turns out to be another log. */
  readonly onRefused: (partition: number) => void;
}

/** How often positions go to PostgreSQL: what is read again after a crash, harmlessly. */
const SAVE_MS = 1000;
const ASK_PAUSE_MS = 500;

/**
 * Where each partition is read from, and whether it is the log that the spaces were written from. PostgreSQL has cluster
 * and position of each, beside a record by which the log is known; the spaces themselves have the fences. Where they do
 * not fit together, offsets begin low and every change would be taken for an old one: the partition stops instead.
 */
export class LogPositions {
  private readonly logs = new Map<number, PartitionLog>();
  private readonly saved = new Map<number, number>();
  private readonly refusals = new Map<number, { epoch: number; seen: number; reason: string }>();
  private readonly stopping = new AbortController();
  private saving: Promise<void> | undefined;

  constructor(private readonly options: LogPositionsOptions) {}

  /** Begins to keep positions. */
  start(): void {
    this.saving ??= this.keep();
  }

  /** Saves what is not saved yet; where PostgreSQL is away some of the log is read again. */
  async stop(): Promise<void> {
    this.stopping.abort(new Error('the service stops'));
    await this.saving;
    await this.save().catch(() => undefined);
  }

  logOf(partition: number): PartitionLog {
    const log = this.logs.get(partition);
    if (!log) throw new Error(`partition ${partition} is not assigned`);
    return log;
  }

  /** The answer to the consumer's question at each assignment; the logs of those that are read are then known. */
  async assign(assigned: readonly TopicPartition[]): Promise<AssignedPosition[]> {
    const { kafka, topic, stored, partitions } = this.options;
    await this.save();
    const [{ clusterId }, watermarks] = await kafka.withAdmin(
      async (admin) => [await describeCluster(admin), await topicWatermarks(admin, topic)] as const,
    );
    const marks = new Map(watermarks.map((mark) => [mark.partition, mark]));
    await this.begin(assigned, clusterId);
    for (const [partition, { epoch, seen, reason }] of this.refusals) {
      await stored.refuse(partition, epoch, seen, reason);
      this.refusals.delete(partition);
    }
    const known = await stored.all();
    return assigned.map(({ partition }): AssignedPosition => {
      this.logs.delete(partition);
      if (marks.size !== partitions) {
        const reason = `${topic} has ${marks.size} partitions, RUNSPINE_PARTITIONS is ${partitions}`;
        return { topic, partition, position: 'stopped', reason };
      }
      const log = known.get(partition);
      const mark = marks.get(partition);
      const mismatch = !log || !mark ? 'the log has no such partition' : mismatchOf(log, mark, clusterId);
      if (!log || !mark || mismatch !== undefined) return this.stopped(partition, mismatch ?? '');
      this.logs.set(partition, this.opened(log));
      // From the anchor on, so that it is looked at first; what lies before the position is not taken again.
      const anchor = log.anchor_offset ?? log.position;
      return { topic, partition, position: Math.max(mark.low, Math.min(log.position, anchor)) };
    });
  }

  private async begin(assigned: readonly TopicPartition[], clusterId: string): Promise<void> {
    const { kafka, groupId, stored } = this.options;
    const known = await stored.all();
    const missing = assigned.filter(({ partition }) => !known.has(partition));
    if (missing.length === 0) return;
    for (const { partition, position } of await committedPositions(kafka, groupId, missing)) {
      if (position !== 'stopped') await stored.begin(partition, clusterId, position);
    }
  }

  private opened(stored: StoredLog): PartitionLog {
    const { partition, epoch, position } = stored;
    this.saved.set(partition, position);
    return new PartitionLog(stored, {
      end: () => this.end(partition),
      refused: (reason, seen) => {
        this.refusals.set(partition, { epoch, seen, reason });
        this.options.onRefused(partition);
      },
    });
  }

  private stopped(partition: number, why: string): AssignedPosition {
    const { topic, logger } = this.options;
    const reason = logMismatch('nexus', { topic, partition }, why);
    logger.error({ topic, partition, code: 'event_spine.log_mismatch' }, reason);
    return { topic, partition, position: 'stopped', reason };
  }

  private async end(partition: number): Promise<number> {
    const { kafka, topic, logger } = this.options;
    for (;;) {
      try {
        const marks = await kafka.withAdmin((admin) => topicWatermarks(admin, topic));
        return marks.find((mark) => mark.partition === partition)?.high ?? 0;
      } catch (error) {
        logger.warn({ err: error, partition }, 'the end of the log is not known yet');
        await pause(ASK_PAUSE_MS, this.stopping.signal);
      }
    }
  }

  private async keep(): Promise<void> {
    const { signal } = this.stopping;
    let failing = false;
    while (!signal.aborted) {
      await pause(SAVE_MS, signal).catch(() => undefined);
      try {
        await this.save();
        failing = false;
      } catch (error) {
        if (!failing) this.options.logger.warn({ err: error }, 'positions are not saved while PostgreSQL is away');
        failing = true;
      }
    }
  }

  private async save(): Promise<void> {
    for (const [partition, log] of this.logs) {
      const { position, epoch } = log;
      if (position <= (this.saved.get(partition) ?? 0)) continue;
      await this.options.stored.advance(partition, epoch, position, log.takeAnchor());
      this.saved.set(partition, position);
    }
  }
}

function mismatchOf(at: StoredLog, log: PartitionWatermarks, clusterId: string): string | undefined {
  if (at.refused !== null) return at.refused;
  if (at.cluster_id !== clusterId) return `the spaces were written from cluster ${at.cluster_id}, this is ${clusterId}`;
  return positionMismatch(at.position, log);
}
