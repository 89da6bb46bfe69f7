import { randomUUID } from 'node:crypto';
import type { KafkaClient } from './client.js';
import type { KafkaRecord } from './records.js';

/** Part of a partition: from an offset up to, and without, another one. */
export interface PartitionRange {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

export interface TopicRangeOptions {
  readonly client: KafkaClient;
  readonly topic: string;
  /** The group's name begins with it; a UUID makes it this reader's alone. It is deleted at the end. */
  readonly groupPrefix: string;
  readonly ranges: readonly PartitionRange[];
  /** A partition is read on when it resolves; false ends the reading of that partition. */
  readonly onRecord: (record: KafkaRecord) => Promise<boolean | void> | boolean | void;
  readonly signal?: AbortSignal;
  /** How long no record may come before the reading is given up, milliseconds. @default 15000 */
  readonly idleMs?: number;
}

/**
 * Reads parts of a topic once, each partition in order, and resolves when the last record of each was handled: what
 * administration needs, beside the consumers that follow a topic.
 * Rejects when Kafka does not answer, with what `onRecord` threw, and with the signal's reason.
 */
export async function readTopicRange(options: TopicRangeOptions): Promise<void> {
  const { client, topic, signal, idleMs = 15_000 } = options;
  const left = new Map(options.ranges.filter(({ from, to }) => from < to).map((range) => [range.partition, range]));
  if (left.size === 0) return;
  signal?.throwIfAborted();
  const groupId = `${options.groupPrefix}-${randomUUID()}`;
  const consumer = client.kafka.consumer({ groupId, maxWaitTimeInMs: 100, retry: { retries: 2 } });
  const done = Promise.withResolvers<void>();
  const fail = (error: unknown) => done.reject(error instanceof Error ? error : new Error(String(error)));
  const idle = setTimeout(() => fail(new Error(`${topic} brought nothing for ${idleMs} ms.`)), idleMs);
  const abort = () => fail(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  done.promise.catch(() => undefined);
  consumer.on(consumer.events.CRASH, ({ payload }) => fail(payload.error));
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: left.size,
      eachBatch: async ({ batch: { partition, messages }, heartbeat, resolveOffset }) => {
        const range = left.get(partition);
        if (!range) return;
        idle.refresh();
        for (const message of messages) {
          const offset = Number(message.offset);
          if (offset < range.from || offset >= range.to || !left.has(partition) || signal?.aborted) continue;
          const { key, value, headers = {} } = message;
          const record = { topic, partition, offset, timestampMs: Number(message.timestamp), key, value, headers };
          if ((await guarded(() => options.onRecord(record), fail)) === false) left.delete(partition);
          await heartbeat();
        }
        const last = Number(messages.at(-1)?.offset ?? -1);
        if (last + 1 >= range.to) left.delete(partition);
        if (left.size === 0) done.resolve();
        else if (!left.has(partition)) consumer.pause([{ topic, partitions: [partition] }]);
        else if (last >= 0) resolveOffset(String(last));
      },
    });
    for (const { partition, from } of left.values()) consumer.seek({ topic, partition, offset: String(from) });
    await done.promise;
  } finally {
    clearTimeout(idle);
    signal?.removeEventListener('abort', abort);
    await consumer.disconnect().catch(() => undefined);
    await client.withAdmin((admin) => admin.deleteGroups([groupId])).catch(() => undefined);
  }
}

async function guarded<T>(work: () => Promise<T> | T, fail: (error: unknown) => void): Promise<T | false> {
  try {
    return await work();
  } catch (error) {
    fail(error);
    return false;
  }
}
