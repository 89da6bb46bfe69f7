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
 * Creates the topics that are missing, and waits until their partitions have leaders; safe when two run at once. Existing
 * ones are left as they are.
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
  // A producer that does not know all leaders yet would choose among the partitions that have one.
  for (const topic of created) await topicWatermarks(admin, topic);
  const existing = specs.filter((spec) => !created.includes(spec.topic));
  return {
    created,
    existing: existing.map((spec) => spec.topic),
    differences: existing.length === 0 ? [] : await differences(admin, existing),
  };
}

/** How many partitions a topic has. @throws UnknownTopic */
export async function partitionCount(admin: Admin, topic: string): Promise<number> {
  return onceKnown(topic, async () => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]?.partitions.length || undefined;
  });
}

export interface PartitionWatermarks {
  readonly partition: number;
  /** The log's first offset. */
  readonly low: number;
  /** The offset that the next record will have. */
  readonly high: number;
}

/** First and next offset of every partition, by partition number. @throws UnknownTopic */
export async function topicWatermarks(admin: Admin, topic: string): Promise<PartitionWatermarks[]> {
  const offsets = await onceKnown(topic, () => admin.fetchTopicOffsets(topic));
  return offsets
    .map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }))
    .sort((a, b) => a.partition - b.partition);
}

const KNOWN_WITHIN_MS = 5000;
const LOOK_MS = 50;
/** What brokers say of a topic that was just created, or whose partitions just moved. */
const NOT_YET = ['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION'];

/** Asks until the brokers know the topic and lead its partitions, some five seconds at most. @throws UnknownTopic */
async function onceKnown<T>(topic: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (const untilMs = Date.now() + KNOWN_WITHIN_MS; Date.now() < untilMs; await pause(LOOK_MS)) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      if (!NOT_YET.some((type) => isType(error, type))) throw error;
    }
  }
  throw new UnknownTopic(topic);
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
