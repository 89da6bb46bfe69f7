import { type RawRecord, readTyped } from './codec.js';
import { type NexusEvent, nexusDefinitionOf, nexusKeyOf } from './nexus-events.js';
import { type RecordFault, faultOf } from './record-fault.js';

/** A record's nexus event, or why there is none. */
export type DecodedNexus = { event: NexusEvent } | { fault: RecordFault };

/**
 * Reads a record of `runspine.nexus.v1` as `decodeRecord` does one of the runs topic: attributes, type, version, data,
 * sizes, times, and that subject and key are the path of the event's space. Never throws. The partition is left to who
 * knows how many there are.
 */
export function decodeNexusRecord(record: RawRecord, nowMs: number = Date.now()): DecodedNexus {
  const read = readTyped(record, nowMs, nexusDefinitionOf);
  if ('fault' in read) return read;
  const event = read.event as NexusEvent;
  const key = nexusKeyOf(event);
  if (key === undefined) return faultOf('event.invalid', 'correlationid', 'is required where the data names no space');
  if (event.subject !== key) return faultOf('event.invalid', 'subject', `must be ${key}`);
  if (event.partitionkey !== '' && event.partitionkey !== key) {
    return faultOf('event.wrong_partition', 'partitionkey', `must be ${key}`);
  }
  if (record.key !== undefined && record.key?.toString('latin1') !== key) {
    return faultOf('event.wrong_partition', 'key', `must be ${key}`);
  }
  event.partitionkey = key;
  return { event };
}
