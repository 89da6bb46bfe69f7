import { canonicalize, decodeNexusRecord, type NexusEvent, type RecordFault } from '@runspine/contracts';
import { type KafkaRecord, partitionFor } from '@runspine/kafka';
import { hashData } from '@runspine/projections/journal';

/** A readable record of the nexus topic, and what is derived from its data once. */
export interface NexusEntry {
  record: KafkaRecord;
  event: NexusEvent;
  /** What the journal keeps of the data: canonical text, without the documents of an ingest. */
  dataText: string;
  /** Hex SHA-256 of the whole data's canonical text: tells a repeat from a reused event id. */
  dataHash: string;
}

/** A record that is set aside: no retry can make it readable, or it contradicts what is recorded. */
export interface SetAside {
  record: KafkaRecord;
  fault: RecordFault;
}

/** Splits records into entries and unreadable ones, both in the order of the log. */
export function readNexusRecords(
  records: readonly KafkaRecord[],
  partitions: number,
  nowMs: number,
): { entries: NexusEntry[]; unreadable: SetAside[] } {
  const entries: NexusEntry[] = [];
  const unreadable: SetAside[] = [];
  for (const record of records) {
    const read = readNexusRecord(record, partitions, nowMs);
    if ('fault' in read) unreadable.push({ record, fault: read.fault });
    else entries.push(read);
  }
  return { entries, unreadable };
}

function readNexusRecord(record: KafkaRecord, partitions: number, nowMs: number): NexusEntry | { fault: RecordFault } {
  const decoded = decodeNexusRecord(record as Parameters<typeof decodeNexusRecord>[0], nowMs);
  if ('fault' in decoded) return decoded;
  const { event } = decoded;
  const partition = partitionFor(event.partitionkey, partitions);
  if (record.partition !== partition) {
    const message = `must be ${partition}: murmur2 of the key`;
    return { fault: { code: 'event.wrong_partition', path: 'partition', message } };
  }
  const whole = canonicalize(event.data);
  return { record, event, dataText: keptText(event, whole), dataHash: hashData(whole) };
}

/** The documents of an ingest lie in the space that they went to, not here as well. */
function keptText(event: NexusEvent, whole: string): string {
  if (event.type !== 'nexus.ingest_requested' || event.data.documents === undefined) return whole;
  const { documents: _documents, ...kept } = event.data;
  return canonicalize({ ...kept, document_count: documentsOf(event.data) });
}

/** How many documents and deletions an ingest has. */
export function documentsOf(data: { documents?: unknown[]; deletions?: unknown[]; document_count?: number }): number {
  return data.document_count ?? (data.documents?.length ?? 0) + (data.deletions?.length ?? 0);
}
