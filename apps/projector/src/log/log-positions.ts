import {
  type AssignedPosition,
  describeCluster,
  type KafkaClient,
  logMismatch,
  PositionLost,
  positionMismatch,
  type TopicPartition,
  topicWatermarks,
} from '@runspine/kafka';
import type { Logger } from '@runspine/service';
import type pg from 'pg';
import { storedPositions, storeFirst } from '../store/offsets.js';

/**
 * Where each partition is read from: PostgreSQL's positions, held against the log before they are used. A log of
 * another cluster, or one that does not hold the position, stops the partition: kafkajs would skip or start over.
 */
export class LogPositions {
  private cluster = '';
  private readonly epochs = new Map<string, number>();

  constructor(
    private readonly kafka: KafkaClient,
    private readonly pool: pg.Pool,
    private readonly logger: Logger,
    private readonly partitions: number,
  ) {}

  /** The cluster of the last assignment. */
  get clusterId(): string {
    return this.cluster;
  }

  /** The epoch of the projections when a partition's position was last read. */
  epochOf({ topic, partition }: TopicPartition): number {
    return this.epochs.get(`${topic}/${partition}`) ?? 0;
  }

  /** The answer to the consumer's question at each assignment. */
  readonly assign = async (assigned: readonly TopicPartition[]): Promise<AssignedPosition[]> => {
    const topics = [...new Set(assigned.map(({ topic }) => topic))];
    return (await Promise.all(topics.map((topic) => this.assignTopic(topic, assigned)))).flat();
  };

  /** What to throw when a stretch's offset did not move: the position that is stored now, if there is one. */
  async lost(stretch: TopicPartition): Promise<PositionLost> {
    const stored = (await this.storedOf(stretch.topic)).get(stretch.partition);
    this.logger.warn(
      { ...stretch, entries: undefined, stored: stored?.position },
      'the position was moved, or the projections were rebuilt',
    );
    return new PositionLost(stored?.cluster_id === this.cluster ? stored.position : undefined);
  }

  private async storedOf(topic: string): ReturnType<typeof storedPositions> {
    const stored = await storedPositions(this.pool, topic);
    for (const { partition, epoch } of stored.values()) this.epochs.set(`${topic}/${partition}`, epoch);
    return stored;
  }

  private async assignTopic(topic: string, assigned: readonly TopicPartition[]): Promise<AssignedPosition[]> {
    const [cluster, watermarks] = await this.kafka.withAdmin(
      async (admin) => [await describeCluster(admin), await topicWatermarks(admin, topic)] as const,
    );
    this.cluster = cluster.clusterId;
    const marks = new Map(watermarks.map((mark) => [mark.partition, mark]));
    const partitions = assigned.filter((one) => one.topic === topic);
    const known = await storedPositions(this.pool, topic);
    for (const { partition } of partitions) {
      if (known.has(partition)) continue;
      const position = marks.get(partition)?.low ?? 0;
      await storeFirst(this.pool, { topic, partition, cluster_id: this.cluster, position });
    }
    const stored = await this.storedOf(topic);
    return partitions.map(({ partition }) => {
      const at = stored.get(partition);
      const log = marks.get(partition);
      if (marks.size !== this.partitions) {
        const reason = `${topic} has ${marks.size} partitions, RUNSPINE_PARTITIONS is ${this.partitions}`;
        return { topic, partition, position: 'stopped', reason };
      }
      const mismatch = !at || !log ? 'the log has no such partition' : mismatchOf(at, log, this.cluster);
      if (mismatch === undefined) return { topic, partition, position: at!.position };
      const reason = logMismatch('projector', { topic, partition }, mismatch);
      this.logger.error({ topic, partition, code: 'event_spine.log_mismatch' }, reason);
      return { topic, partition, position: 'stopped', reason };
    });
  }
}

function mismatchOf(
  at: { cluster_id: string; position: number },
  log: { low: number; high: number },
  clusterId: string,
): string | undefined {
  if (at.cluster_id !== clusterId) return `the position is of cluster ${at.cluster_id}, this is ${clusterId}`;
  return positionMismatch(at.position, log);
}
