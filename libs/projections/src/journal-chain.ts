import { hash, type KeyObject } from 'node:crypto';
import type { RecordedAttributes } from '@runspine/contracts';
import { hmacSha256 } from './hmac.js';

/** An applied event without its data. */
export type ChainedEvent = RecordedAttributes & { type: string };

/** Where an event was read, and what stands in the chain for its data. */
export interface ChainedSource {
  source_partition: number;
  source_offset: number;
  /** Hex SHA-256 of the data's canonical text. */
  data_hash: string;
}

/** Hex SHA-256 of an event's data in canonical form (RFC 8785), as text. */
export function hashData(canonicalData: string): string {
  return hash('sha256', canonicalData, 'hex');
}

/** Hex SHA-256 by which a repeated event is told from a reused id: of its type and canonical data. */
export function hashTypeAndData(type: string, canonicalData: string): string {
  return hash('sha256', `${type}\n${canonicalData}`, 'hex');
}

/**
 * The hash of a journal entry: HMAC-SHA-256 over all its columns and the hash before it in its run (null for the
 * first). Whoever lacks the key can neither change a row nor take one out unseen. A key object, since making one from bytes at each call costs more than the hash.
 */
export function hashEntry(key: KeyObject, entry: ChainedEvent, source: ChainedSource, prevHash: string | null): string {
  return hmacSha256(
    key,
    JSON.stringify([
      entry.tenant_id,
      entry.run_id,
      entry.run_sequence,
      entry.event_id,
      entry.type,
      entry.time,
      entry.recorded_at,
      entry.source,
      entry.env,
      entry.project_id,
      entry.surface_id,
      entry.step_id,
      entry.room_id,
      entry.room_sequence,
      entry.correlation_id,
      entry.causation_id,
      entry.producer_correlation_id,
      entry.producer_causation_id,
      entry.traceparent,
      source.source_partition,
      source.source_offset,
      source.data_hash,
      prevHash,
    ]),
  );
}
