import type { KeyObject } from 'node:crypto';
import { canonicalize } from '@runspine/contracts';
import { redact } from '@runspine/run-model';
import type pg from 'pg';
import { type ChainedEvent, hashData, hashEntry } from '../journal-chain.js';
import { type ChainEnd, type ChainLink, ChainWalk } from './chain-walk.js';
import { rowsOf } from './cursor.js';
import type { Findings } from './findings.js';

/** A row of `run_events`, hashes in hex. */
type JournalRow = ChainedEvent & {
  source_partition: number;
  source_offset: number;
  data_text: string;
  data_hash: string;
  prev_hash: string | null;
  stored_hash: string;
};

/** Which runs: of a tenant, or one of them. */
export interface RunsToAudit {
  tenantId: string;
  runId?: string | undefined;
}

export interface AuditedRuns {
  runs: number;
  events: number;
}

const COLUMNS = `tenant_id, run_id, run_sequence, event_id, type, time, recorded_at, source, env, project_id, surface_id,
  step_id, room_id, room_sequence, correlation_id, causation_id, producer_correlation_id, producer_causation_id,
  traceparent, source_partition, source_offset, data::text AS data_text, encode(data_hash, 'hex') AS data_hash,
  encode(prev_hash, 'hex') AS prev_hash, encode(hash, 'hex') AS stored_hash`;

const ENDS = {
  name: 'audit-ends',
  text: `SELECT run_id, version AS sequence, encode(head_hash, 'hex') AS hash FROM proj_runs
         WHERE tenant_id = $1 AND run_id = ANY($2::text[])`,
};

/**
 * Walks the journal of runs within a snapshot: every row's hash, its data, its place, and the end that `proj_runs`
 * names. Memory does not grow with the journal.
 */
export async function auditRuns(
  client: pg.PoolClient,
  key: KeyObject,
  which: RunsToAudit,
  findings: Findings,
  progress: (events: number) => void = () => undefined,
): Promise<AuditedRuns> {
  const { tenantId, runId } = which;
  const of = (table: string) =>
    `${table}.tenant_id = ${client.escapeLiteral(tenantId)}` +
    (runId === undefined ? '' : ` AND ${table}.run_id = ${client.escapeLiteral(runId)}`);
  const journal = `SELECT ${COLUMNS} FROM run_events WHERE ${of('run_events')} ORDER BY run_id, run_sequence`;
  const counted = { runs: 0, events: 0 };
  let walk: ChainWalk | undefined;
  let current = '';
  for await (const rows of rowsOf<JournalRow>(client, 'audit_runs', journal)) {
    const ends = await endsOf(client, tenantId, rows, current);
    for (const row of rows) {
      if (!walk || row.run_id !== current) {
        walk?.finish();
        current = row.run_id;
        counted.runs += 1;
        walk = new ChainWalk({ chain: 'run', id: current }, ends.get(current), findings);
        if (!ends.has(current)) reportOrphan(row, findings);
      }
      walk.take(linkOf(key, row));
    }
    counted.events += rows.length;
    progress(counted.events);
  }
  walk?.finish();
  await reportRunsWithoutJournal(client, of('r'), findings);
  return counted;
}

function linkOf(key: KeyObject, row: JournalRow): ChainLink {
  const intact = hashData(row.data_text) === row.data_hash;
  return {
    sequence: row.run_sequence,
    hash: row.stored_hash,
    prevHash: row.prev_hash,
    genuine: hashEntry(key, row, row, row.prev_hash) === row.stored_hash,
    intact,
    redacted: !intact && isRedacted(row),
    erases: row.type === 'run.erased',
  };
}

/** True where the data has nothing that an erasure would take. */
function isRedacted({ type, data_text }: JournalRow): boolean {
  try {
    const data = JSON.parse(data_text) as Record<string, unknown>;
    return canonicalize(redact({ type, data } as Parameters<typeof redact>[0])) === canonicalize(data);
  } catch {
    return false;
  }
}

/** The ends of the runs that begin in these rows. */
async function endsOf(
  client: pg.PoolClient,
  tenantId: string,
  rows: readonly JournalRow[],
  current: string,
): Promise<Map<string, ChainEnd>> {
  const ids = [...new Set(rows.map((row) => row.run_id))].filter((id) => id !== current);
  if (ids.length === 0) return new Map();
  const ends = await client.query<ChainEnd & { run_id: string }>({ ...ENDS, values: [tenantId, ids] });
  return new Map(ends.rows.map(({ run_id, ...end }) => [run_id, end]));
}

/** A run of which there is a journal and nothing else: its rows were inserted, or its projection is gone. */
function reportOrphan({ run_id }: JournalRow, findings: Findings): void {
  findings.add({ chain: 'run', id: run_id, sequence: null, fault: 'head', detail: 'has a journal and no projection' });
}

async function reportRunsWithoutJournal(client: pg.PoolClient, where: string, findings: Findings): Promise<void> {
  const lost = `SELECT r.run_id, r.version FROM proj_runs r WHERE ${where} AND NOT EXISTS (
    SELECT FROM run_events e WHERE e.tenant_id = r.tenant_id AND e.run_id = r.run_id)`;
  for await (const rows of rowsOf<{ run_id: string; version: number }>(client, 'audit_lost', lost)) {
    for (const { run_id, version } of rows) {
      const detail = 'the projection has the run, the journal nothing of it';
      findings.add({ chain: 'run', id: run_id, sequence: 1, to_sequence: version, fault: 'missing', detail });
    }
  }
}
