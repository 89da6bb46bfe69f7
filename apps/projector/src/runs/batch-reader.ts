import { canonicalize, decodeRecord, type RecordFault, type SubmittedEvent } from '@runspine/contracts';
import { type KafkaRecord, partitionFor } from '@runspine/kafka';
import { hashData, hashTypeAndData } from '@runspine/projections/journal';
import { isStepEvent } from '@runspine/run-model';
import { outcomeKey, runKey } from './batch-state.js';

/** A readable record: its event, and what is derived from its data once. */
export interface Entry {
  offset: number;
  record: KafkaRecord;
  event: SubmittedEvent;
  /** Keys of its run and of its outcome, each made once. */
  runKey: string;
  outcomeKey: string;
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
  // The key as bytes, where there is one, is the event's: that was checked.
  const partition = partitionFor(record.key ?? event.partitionkey, partitions);
  if (record.partition !== partition) {
    const message = `must be ${partition}: murmur2 of the key`;
    return { fault: { code: 'event.wrong_partition', path: 'partition', message } };
  }
  const dataText = canonicalize(event.data);
  return {
    offset: record.offset,
    record,
    event,
    runKey: runKey(event.tenantid, event.data.run_id),
    outcomeKey: outcomeKey(event.tenantid, event.id),
    dataText,
    dataHash: hashData(dataText),
    hash: hashTypeAndData(event.type, dataText),
  };
}

/** The step that an event addresses; an extra `step_id` of a run's event is only data. */
export function stepIdOf(event: SubmittedEvent): string | null {
  return isStepEvent(event) ? event.data.step_id : null;
}
