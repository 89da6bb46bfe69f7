import { canonicalize, decodeRecord, type RecordFault, type SubmittedEvent } from '@runspine/contracts';
import { type KafkaRecord, partitionFor } from '@runspine/kafka';
import { hashData, hashTypeAndData } from '@runspine/projections/journal';

/** A readable record: its event, and what is derived from its data once. */
export interface Entry {
  offset: number;
  record: KafkaRecord;
  event: SubmittedEvent;
  /** The data's canonical text (RFC 8785): what the journal keeps. */
  dataText: string;
  /** Hex SHA-256 of dataText. */
  dataHash: string;
  /** Hex SHA-256 of type and data: tells a repeat from a reused event id. */
  hash: string;
}

/** A record that no retry can make readable. */
export interface Unreadable {
  record: KafkaRecord;
  fault: RecordFault;
}

/** Splits records into entries and unreadable ones, both in the order of the log. */
export function readRecords(
  records: readonly KafkaRecord[],
  partitions: number,
  nowMs: number,
): { entries: Entry[]; unreadable: Unreadable[] } {
  const entries: Entry[] = [];
  const unreadable: Unreadable[] = [];
  for (const record of records) {
    const read = readRecord(record, partitions, nowMs);
    if ('fault' in read) unreadable.push({ record, fault: read.fault });
    else entries.push(read);
  }
  return { entries, unreadable };
}

function readRecord(record: KafkaRecord, partitions: number, nowMs: number): Entry | { fault: RecordFault } {
  const decoded = decodeRecord(record as Parameters<typeof decodeRecord>[0], nowMs);
  if ('fault' in decoded) return decoded;
  const { event } = decoded;
  const misplaced = misplacement(record, event, partitions);
  if (misplaced) return { fault: { code: 'event.wrong_partition', ...misplaced } };
  const dataText = canonicalize(event.data);
  return {
    offset: record.offset,
    record,
    event,
    dataText,
    dataHash: hashData(dataText),
    hash: hashTypeAndData(event.type, dataText),
  };
}

function misplacement(record: KafkaRecord, event: SubmittedEvent, partitions: number) {
  const key = event.partitionkey;
  if (record.key?.toString('utf8') !== key) return { path: 'key', message: `must be ${key}` };
  const partition = partitionFor(key, partitions);
  if (record.partition === partition) return undefined;
  return { path: 'partition', message: `must be ${partition}: murmur2 of the key` };
}
