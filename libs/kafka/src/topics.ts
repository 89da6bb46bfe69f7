import type { Admin } from 'kafkajs';
import { pause } from './backoff.js';
import { ConfigResourceTypes } from './kafkajs.js';
import { PartitionCountMismatch, UnknownTopic } from './errors.js';

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  readonly replication: number;
  readonly retentionMs?: number;
  /** Largest batch of records, in bytes, as compressed. */
  readonly maxMessageBytes?: number;
  /** @default 'delete' */
  readonly cleanupPolicy?: 'delete' | 'compact' | 'compact,delete';
}

/** A setting of an existing topic that is not as configured; it is reported, never changed. */
export interface TopicDifference {
  readonly topic: string;
  readonly setting: string;
  readonly expected: string;
  readonly actual: string;
}

export interface EnsuredTopics {
  readonly created: string[];
  readonly existing: string[];
  readonly differences: TopicDifference[];
}

/**
 * Creates the topics that are missing; safe when two run at once. Existing ones are left as they are.
 * @throws PartitionCountMismatch naming the topic and both numbers
 */
export async function ensureTopics(admin: Admin, specs: readonly TopicSpec[]): Promise<EnsuredTopics> {
  const known = new Set(await admin.listTopics());
  const created: string[] = [];
  for (const spec of specs) {
    if (!known.has(spec.topic) && (await createTopic(admin, spec))) created.push(spec.topic);
  }
  for (const spec of specs) {
    const actual = await partitionCount(admin, spec.topic);
    if (actual !== spec.partitions) throw new PartitionCountMismatch(spec.topic, spec.partitions, actual);
  }
  const existing = specs.filter((spec) => !created.includes(spec.topic));
  return {
    created,
    existing: existing.map((spec) => spec.topic),
    differences: existing.length === 0 ? [] : await differences(admin, existing),
  };
}

/** How many partitions a topic has. @throws UnknownTopic */
export async function partitionCount(admin: Admin, topic: string): Promise<number> {
  // A topic that was just created is not known to every broker at once.
  for (let attempt = 0; attempt < 100; attempt++) {
    const metadata = await admin.fetchTopicMetadata({ topics: [topic] }).catch((error: unknown) => {
      if (isType(error, 'UNKNOWN_TOPIC_OR_PARTITION') || isType(error, 'LEADER_NOT_AVAILABLE')) return undefined;
      throw error;
    });
    const partitions = metadata?.topics[0]?.partitions.length ?? 0;
    if (partitions > 0) return partitions;
    await pause(50);
  }
  throw new UnknownTopic(topic);
}

export interface PartitionWatermarks {
  readonly partition: number;
  /** The log's first offset. */
  readonly low: number;
  /** The offset that the next record will have. */
  readonly high: number;
}

/** First and next offset of every partition, by partition number. */
export async function topicWatermarks(admin: Admin, topic: string): Promise<PartitionWatermarks[]> {
  const offsets = await admin.fetchTopicOffsets(topic);
  return offsets
    .map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }))
    .sort((a, b) => a.partition - b.partition);
}

export interface ClusterDescription {
  readonly clusterId: string;
  /** host:port each. */
  readonly brokers: string[];
}

export async function describeCluster(admin: Admin): Promise<ClusterDescription> {
  const { clusterId, brokers } = await admin.describeCluster();
  return { clusterId, brokers: brokers.map(({ host, port }) => `${host}:${port}`) };
}

async function createTopic(admin: Admin, spec: TopicSpec): Promise<boolean> {
  // false: another process was faster.
  return admin.createTopics({
    // kafkajs gives up where a broker does not know the topic yet; partitionCount waits.
    waitForLeaders: false,
    topics: [
      {
        topic: spec.topic,
        numPartitions: spec.partitions,
        replicationFactor: spec.replication,
        configEntries: Object.entries(configOf(spec)).map(([name, value]) => ({ name, value })),
      },
    ],
  });
}

function configOf(spec: TopicSpec): Record<string, string> {
  const config: Record<string, string> = { 'cleanup.policy': spec.cleanupPolicy ?? 'delete' };
  if (spec.retentionMs !== undefined) config['retention.ms'] = String(spec.retentionMs);
  if (spec.maxMessageBytes !== undefined) config['max.message.bytes'] = String(spec.maxMessageBytes);
  return config;
}

async function differences(admin: Admin, specs: readonly TopicSpec[]): Promise<TopicDifference[]> {
  const described = await admin.describeConfigs({
    includeSynonyms: false,
    resources: specs.map((spec) => ({ type: ConfigResourceTypes.TOPIC, name: spec.topic })),
  });
  return specs.flatMap((spec) => {
    const entries = described.resources.find(({ resourceName }) => resourceName === spec.topic)?.configEntries ?? [];
    return Object.entries(configOf(spec)).flatMap(([setting, expected]) => {
      const actual = entries.find(({ configName }) => configName === setting)?.configValue;
      return actual === undefined || actual === expected ? [] : [{ topic: spec.topic, setting, expected, actual }];
    });
  });
}

function isType(error: unknown, type: string): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ((cause as Error & { type?: unknown }).type === type) return true;
  }
  return false;
}
