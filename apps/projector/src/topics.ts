import { TOPICS, topicName, type TopicRole } from '@runspine/contracts';
import type { TopicSpec } from '@runspine/kafka';

/** Every topic as it is created. The feed and runs share their partitions, number by number. */
export function topicSpecs(settings: { topicPrefix: string; partitions: number; replication: number }): TopicSpec[] {
  return (Object.keys(TOPICS) as TopicRole[]).map((role) => ({
    topic: topicName(role, settings.topicPrefix),
    partitions: settings.partitions,
    replication: settings.replication,
    retentionMs: TOPICS[role].retentionMs,
    maxMessageBytes: TOPICS[role].maxMessageBytes,
  }));
}
