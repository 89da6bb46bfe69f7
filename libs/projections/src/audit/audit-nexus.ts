import type { KeyObject } from 'node:crypto';
import type pg from 'pg';
import { hashData } from '../journal-chain.js';
import { type ChainedNexusEntry, hashNexusEntry } from '../nexus-chain.js';
import { ChainWalk } from './chain-walk.js';
import { rowsOf } from './cursor.js';
import type { Findings } from './findings.js';

type NexusRow = ChainedNexusEntry & { data_text: string; prev_hash: string | null; stored_hash: string };

const COLUMNS = `stream, sequence, tenant_id, env, project_id, surface_id, event_id, type, time, recorded_at, source,
  task_id, correlation_id, causation_id, traceparent, source_partition, source_offset, data::text AS data_text,
  encode(data_hash, 'hex') AS data_hash, encode(prev_hash, 'hex') AS prev_hash, encode(hash, 'hex') AS stored_hash`;

/** The streams that are a tenant's: a stream's path begins with its owner. */
export function streamsOf(client: pg.ClientBase, tenantId: string): string {
  return `starts_with(stream, ${client.escapeLiteral(`${tenantId}/`)})`;
}

/**
 * Walks the journals of a tenant's Nexus streams. No projection names their ends: the tenant's head does. The data of
 * an ingest is kept without its documents, so that its hash stands for what the journal no longer has.
 */
export async function auditNexus(
  client: pg.PoolClient,
  key: KeyObject,
  tenantId: string,
  findings: Findings,
  progress: (events: number) => void = () => undefined,
): Promise<{ streams: number; events: number }> {
  const journal = `SELECT ${COLUMNS} FROM nexus_events WHERE ${streamsOf(client, tenantId)} ORDER BY stream, sequence`;
  const counted = { streams: 0, events: 0 };
  let walk: ChainWalk | undefined;
  let current = '';
  for await (const rows of rowsOf<NexusRow>(client, 'audit_nexus', journal)) {
    for (const row of rows) {
      if (!walk || row.stream !== current) {
        walk?.finish();
        current = row.stream;
        counted.streams += 1;
        walk = new ChainWalk({ chain: 'nexus', id: current }, undefined, findings);
      }
      walk.take({
        sequence: row.sequence,
        hash: row.stored_hash,
        prevHash: row.prev_hash,
        genuine: hashNexusEntry(key, row, row.prev_hash) === row.stored_hash,
        intact: isCut(row) || hashData(row.data_text) === row.data_hash,
        redacted: false,
        erases: false,
      });
    }
    counted.events += rows.length;
    progress(counted.events);
  }
  walk?.finish();
  return counted;
}

/** An ingest whose documents stand in its space alone. */
function isCut({ type, data_text }: NexusRow): boolean {
  return type === 'nexus.ingest_requested' && data_text.includes('"document_count":');
}
