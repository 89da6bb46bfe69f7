import { parseArgs } from 'node:util';
import type { KafkaClient } from './client.js';
import type { TopicPartition } from './records.js';
import { describeCluster, type PartitionWatermarks, topicWatermarks } from './topics.js';

/** From where on a partition is followed, and of which cluster. */
export interface AdoptedLog extends TopicPartition {
  readonly clusterId: string;
  /** The offset of the first record that is taken. */
  readonly position: number;
}

const USAGE = 'usage: adopt-log --topic TOPIC --partition N --from earliest|latest|OFFSET';

/**
 * What the command line of a service's `adopt-log` asks for, held against the log as it is now.
 * @throws Error with what to write instead, for arguments that are none, and for what the log does not hold.
 */
export async function readAdoption(kafka: KafkaClient, args: readonly string[]): Promise<AdoptedLog> {
  const { topic, partition, from } = readArguments(args);
  const { clusterId, log } = await kafka.withAdmin(async (admin) => ({
    clusterId: (await describeCluster(admin)).clusterId,
    log: (await topicWatermarks(admin, topic)).find((mark) => mark.partition === partition),
  }));
  if (!log) throw new Error(`${topic} has no partition ${partition}.`);
  const position = positionOf(from, log);
  if (position === undefined) {
    throw new Error(`--from must be earliest, latest or an offset from ${log.low} to ${log.high}.`);
  }
  return { topic, partition, clusterId, position };
}

/** Why a position is none of a log's; undefined where it is. */
export function positionMismatch(position: number, log: Omit<PartitionWatermarks, 'partition'>): string | undefined {
  if (position < log.low) return `position ${position} is no longer kept, the log begins at ${log.low}`;
  if (position > log.high) return `position ${position} is past the log's end, ${log.high}`;
  return undefined;
}

/** What an operator reads of a partition that stopped: why, and the command of the service (its folder) that resolves it. */
export function logMismatch(service: string, { topic, partition }: TopicPartition, why: string): string {
  return (
    `event_spine.log_mismatch: ${why}. If this log is to be followed from now on, run: ` +
    `node apps/${service}/dist/adopt-log.js --topic ${topic} --partition ${partition} --from earliest|latest|<offset>`
  );
}

function readArguments(args: readonly string[]): { topic: string; partition: number; from: string } {
  const options = { topic: { type: 'string' }, partition: { type: 'string' }, from: { type: 'string' } } as const;
  const { topic, partition, from } = parseArgs({ args: [...args], options }).values;
  if (topic === undefined || from === undefined || !/^\d{1,5}$/.test(partition ?? '')) throw new Error(USAGE);
  return { topic, partition: Number(partition), from };
}

function positionOf(from: string, log: PartitionWatermarks): number | undefined {
  if (from === 'earliest') return log.low;
  if (from === 'latest') return log.high;
  if (!/^\d{1,15}$/.test(from)) return undefined;
  const offset = Number(from);
  return positionMismatch(offset, log) === undefined ? offset : undefined;
}
