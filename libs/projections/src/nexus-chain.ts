import type { KeyObject } from 'node:crypto';
import { hmacSha256 } from './hmac.js';

/** A row of `nexus_events` but for its data, which stands by its hash, and its place in the chain. */
export interface ChainedNexusEntry {
  /** The Kafka key: the path of the event's space, or `tenant/env/correlation`. */
  stream: string;
  /** Gapless from 1 in its stream. */
  sequence: number;
  tenant_id: string;
  env: string;
  project_id: string;
  surface_id: string;
  event_id: string;
  type: string;
  time: string;
  recorded_at: string;
  source: string;
  task_id: string | null;
  correlation_id: string | null;
  causation_id: string | null;
  traceparent: string | null;
  source_partition: number;
  source_offset: number;
  /** Hex SHA-256 of the whole data's canonical text (RFC 8785). */
  data_hash: string;
}

/** The hash of a nexus event: HMAC-SHA-256 over its columns and the hash before it in its stream, null for the first. */
export function hashNexusEntry(key: KeyObject, entry: ChainedNexusEntry, prevHash: string | null): string {
  return hmacSha256(
    key,
    JSON.stringify([
      entry.stream,
      entry.sequence,
      entry.tenant_id,
      entry.env,
      entry.project_id,
      entry.surface_id,
      entry.event_id,
      entry.type,
      entry.time,
      entry.recorded_at,
      entry.source,
      entry.task_id,
      entry.correlation_id,
      entry.causation_id,
      entry.traceparent,
      entry.source_partition,
      entry.source_offset,
      entry.data_hash,
      prevHash,
    ]),
  );
}
