import { randomUUID } from 'node:crypto';
import { decodeNexusRecord, decodeRecord, type NexusEvent, type SubmittedEvent } from '@runspine/contracts';
import { createKafkaClient, type KafkaRecord, PartitionConsumer, topicWatermarks } from '@runspine/kafka';
import type { RunningGateway } from '../running-gateway.fixture.js';

/** The events that a gateway has written to one of its topics so far. Fails on a record that nobody could read. */
export async function readTopic(
  gateway: RunningGateway,
  role: 'runs' | 'nexus',
): Promise<(SubmittedEvent | NexusEvent)[]> {
  const topic = gateway.topics[role];
  const client = createKafkaClient({ brokers: gateway.brokers, clientId: 'reader' });
  const marks = await client.withAdmin((admin) => topicWatermarks(admin, topic));
  const records: KafkaRecord[] = [];
  const wanted = marks.reduce((sum, { low, high }) => sum + high - low, 0);
  const consumer = new PartitionConsumer({
    client,
    groupId: `${topic}.reader.${randomUUID()}`,
    topics: [topic],
    commitPositions: false,
    onAssigned: (assigned) =>
      Promise.resolve(
        assigned.map((one) => ({ ...one, position: marks.find((mark) => mark.partition === one.partition)!.low })),
      ),
    onFatal: (error) => {
      throw error;
    },
    handler: (batch) => void records.push(...batch.records),
  });
  await consumer.start();
  try {
    for (let attempt = 0; records.length < wanted; attempt++) {
      if (attempt > 400) throw new Error(`Read ${records.length} of ${wanted} records of ${topic}.`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  } finally {
    await consumer.stop();
  }
  const decode = role === 'runs' ? decodeRecord : decodeNexusRecord;
  return records.map((record) => {
    const decoded = decode(record as Parameters<typeof decodeRecord>[0]);
    if ('fault' in decoded) throw new Error(`${decoded.fault.code} ${decoded.fault.path} ${decoded.fault.message}`);
    return decoded.event;
  });
}
