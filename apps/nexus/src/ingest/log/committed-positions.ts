import { type AssignedPosition, type KafkaClient, topicWatermarks, type TopicPartition } from '@runspine/kafka';

/**
 * Where a group's partitions begin: at Kafka's committed offset, or at the log's start where there is none or it is not
 * in the log any more. Reading too much is harmless, since tables fence what they have.
 */
export async function committedPositions(
  kafka: KafkaClient,
  groupId: string,
  assigned: readonly TopicPartition[],
): Promise<AssignedPosition[]> {
  return kafka.withAdmin(async (admin) => {
    const positions: AssignedPosition[] = [];
    for (const topic of new Set(assigned.map((one) => one.topic))) {
      const watermarks = new Map((await topicWatermarks(admin, topic)).map((one) => [one.partition, one]));
      const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] });
      const offsets = new Map(committed?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
      for (const { partition } of assigned.filter((one) => one.topic === topic)) {
        const { low, high } = watermarks.get(partition) ?? { low: 0, high: 0 };
        const offset = offsets.get(partition) ?? -1;
        positions.push({ topic, partition, position: offset >= low && offset <= high ? offset : low });
      }
    }
    return positions;
  });
}
