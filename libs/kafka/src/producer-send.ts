import type { Message, Producer, RecordMetadata } from 'kafkajs';
import { CompressionTypes } from './kafkajs.js';
import { KafkaUnavailable, RecordTooLarge, UnknownPartition } from './errors.js';
import type { PendingRecord } from './producer-queue.js';
import type { RecordHeaders } from './records.js';
import { within } from './backoff.js';

export interface SendSettings {
  readonly sendTimeoutMs: number;
  readonly compression: 'none' | 'gzip' | 'zstd';
}

const COMPRESSION = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, zstd: CompressionTypes.ZSTD } as const;

/**
 * Sends a batch and settles each of its records. A batch that is refused for its size is sent again by partition, then
 * by halves, on the same producer: what the broker had taken of it keeps its sequence numbers and is recognised, so
 * nothing is doubled, and only a record that is too large alone is refused, with what follows of its group.
 * Rejects when a send failed otherwise; what is unsettled then may or may not be written.
 */
export async function sendRecords(producer: Producer, batch: PendingRecord[], settings: SendSettings): Promise<void> {
  const groups = groupByPartition(batch);
  try {
    const written = await within(
      producer.sendBatch({
        acks: -1,
        timeout: settings.sendTimeoutMs,
        compression: COMPRESSION[settings.compression],
        topicMessages: toTopicMessages(groups),
      }),
      settings.sendTimeoutMs,
      () => new KafkaUnavailable(`No acknowledgement within ${settings.sendTimeoutMs} ms.`, true),
    );
    settle(groups, written);
  } catch (error) {
    if (!isTooLarge(error)) throw error;
    await sendInParts(producer, groups, error, settings);
  }
}

async function sendInParts(
  producer: Producer,
  groups: PartitionGroup[],
  refusal: unknown,
  settings: SendSettings,
): Promise<void> {
  if (groups.length > 1) {
    for (const group of groups) await sendRecords(producer, group.records, settings);
    return;
  }
  const records = groups[0]?.records ?? [];
  const [first] = records;
  if (!first) throw refusal;
  if (records.length === 1) {
    first.reject(new RecordTooLarge(first.record.topic, first.record.partition, first.bytes));
    return;
  }
  const middle = Math.ceil(records.length / 2);
  await sendRecords(producer, records.slice(0, middle), settings);
  // The broker has nothing of this half yet: what is left out leaves no gap in its sequence.
  const rest = records.slice(middle).filter((one) => !one.forsake());
  if (rest.length > 0) await sendRecords(producer, rest, settings);
}

interface PartitionGroup {
  readonly topic: string;
  readonly partition: number;
  readonly records: PendingRecord[];
}

function groupByPartition(batch: readonly PendingRecord[]): PartitionGroup[] {
  const groups = new Map<string, PartitionGroup>();
  for (const pending of batch) {
    const { topic, partition } = pending.record;
    const key = `${topic}/${partition}`;
    const group = groups.get(key);
    if (group) group.records.push(pending);
    else groups.set(key, { topic, partition, records: [pending] });
  }
  return [...groups.values()];
}

function toTopicMessages(groups: readonly PartitionGroup[]): { topic: string; messages: Message[] }[] {
  const byTopic = new Map<string, Message[]>();
  for (const { topic, records } of groups) {
    let messages = byTopic.get(topic);
    if (!messages) byTopic.set(topic, (messages = []));
    for (const { record } of records) {
      const { partition, key, value } = record;
      const message: Message = { partition, key, value };
      if (record.headers) message.headers = writableHeaders(record.headers);
      messages.push(message);
    }
  }
  return [...byTopic].map(([topic, messages]) => ({ topic, messages }));
}

type WritableHeaders = Record<string, string | Buffer | (string | Buffer)[]>;

/** kafkajs fails on a header without a value, which other producers write: it becomes an empty one. */
function writableHeaders(headers: RecordHeaders): WritableHeaders {
  if (Object.values(headers).every(hasValue)) return headers as WritableHeaders;
  const writable: WritableHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (Array.isArray(value)) writable[name] = value.map((one) => one ?? '');
    else if (value !== undefined) writable[name] = value ?? '';
  }
  return writable;
}

function hasValue(value: RecordHeaders[string]): boolean {
  return typeof value === 'string' || Buffer.isBuffer(value);
}

/** kafkajs says nothing of partitions that a topic has not: their records are missing from the answer. */
function settle(groups: readonly PartitionGroup[], written: readonly RecordMetadata[]): void {
  const answers = new Map(written.map((answer) => [`${answer.topicName}/${answer.partition}`, answer]));
  for (const { topic, partition, records } of groups) {
    const answer = answers.get(`${topic}/${partition}`);
    const base = Number(answer?.baseOffset ?? -1);
    records.forEach((pending, index) => {
      if (!answer) pending.reject(new UnknownPartition(topic, partition));
      else pending.resolve(base >= 0 ? { partition, offset: base + index } : { partition });
    });
  }
}

function isTooLarge(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { type } = cause as Error & { type?: unknown };
    if (type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE') return true;
  }
  return false;
}
