import type { Kafka } from 'kafkajs';
import { until } from './until.js';

/** A record as it lies in a topic; headers as text. */
export interface LoggedRecord {
  partition: number;
  offset: number;
  key: string | null;
  value: Buffer | null;
  headers: Record<string, string>;
}

/** Reads all that a topic holds now, in a group of its own. */
export async function readTopic(kafka: Kafka, topic: string, groupId: string): Promise<LoggedRecord[]> {
  const admin = kafka.admin();
  const offsets = await admin.fetchTopicOffsets(topic).finally(() => admin.disconnect());
  const awaited = new Map(offsets.filter(({ low, high }) => low !== high).map((at) => [at.partition, Number(at.high)]));
  const records: LoggedRecord[] = [];
  if (awaited.size === 0) return records;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 50 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message: { offset, key, value, headers = {} } }) => {
        const texts = Object.entries(headers).map(([name, header]) => [name, String(header)]);
        const text = Object.fromEntries(texts) as Record<string, string>;
        records.push({ partition, offset: Number(offset), key: key?.toString() ?? null, value, headers: text });
        if (Number(offset) + 1 >= (awaited.get(partition) ?? 0)) awaited.delete(partition);
      },
    });
    await until(`the end of ${topic}`, () => awaited.size === 0);
  } finally {
    await consumer.disconnect();
  }
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}
