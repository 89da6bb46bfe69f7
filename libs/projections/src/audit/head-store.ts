import { createHash } from 'node:crypto';
import type pg from 'pg';
import { streamsOf } from './audit-nexus.js';
import { inSnapshot, rowsOf } from './cursor.js';
import type { HeadSigner, RunHead, TenantHead } from './signed-heads.js';

/** A run's end that the journal names. */
export interface RunEnd {
  tenant_id: string;
  run_id: string;
  run_sequence: number;
}

const HEAD_COLUMNS = `e.tenant_id, e.run_id, e.run_sequence, encode(e.hash, 'hex') AS hash, e.recorded_at`;
const HEADS_OF_ENDS = {
  name: 'audit-heads-of-ends',
  text: `SELECT ${HEAD_COLUMNS} FROM unnest($1::text[], $2::text[], $3::bigint[]) AS ends(tenant_id, run_id, run_sequence)
         JOIN run_events e USING (tenant_id, run_id, run_sequence)`,
};
const STORE_RUNS = {
  name: 'audit-store-heads',
  text: `INSERT INTO audit_heads (tenant_id, run_id, run_sequence, hash, recorded_at, mac)
         SELECT tenant_id, run_id, run_sequence, decode(hash, 'hex'), recorded_at, decode(mac, 'hex')
         FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[]::timestamptz[], $6::text[])
           AS heads(tenant_id, run_id, run_sequence, hash, recorded_at, mac)
         ON CONFLICT DO NOTHING`,
};
const STORE_TENANT = {
  name: 'audit-store-tenant',
  text: `INSERT INTO audit_tenant_heads (tenant_id, until, runs, streams, hash, mac)
         VALUES ($1, $2, $3, $4, decode($5, 'hex'), decode($6, 'hex')) ON CONFLICT DO NOTHING`,
};
/** Ended runs whose head nobody kept: a projector ended before it was told, or Kafka was away. */
const FORGOTTEN = {
  name: 'audit-forgotten',
  text: `SELECT DISTINCT ON (r.tenant_id, r.run_id) ${HEAD_COLUMNS} FROM proj_runs r
         JOIN run_events e ON e.tenant_id = r.tenant_id AND e.run_id = r.run_id
           AND e.type IN ('run.completed', 'run.failed', 'run.cancelled')
         WHERE r.status IN ('completed', 'failed', 'cancelled') AND r.last_seen_at < $1
           AND NOT EXISTS (SELECT FROM audit_heads h WHERE h.tenant_id = r.tenant_id AND h.run_id = r.run_id)
         ORDER BY r.tenant_id, r.run_id, e.run_sequence LIMIT $2`,
};

/** The heads that were signed, as PostgreSQL has them, and what the journal says to make them of. */
export class HeadStore {
  constructor(
    private readonly pool: pg.Pool,
    private readonly signer: HeadSigner,
  ) {}

  /** The heads of runs that ended, from the journal. */
  async headsOf(ends: readonly RunEnd[]): Promise<RunHead[]> {
    const values = [
      ends.map((end) => end.tenant_id),
      ends.map((end) => end.run_id),
      ends.map((end) => end.run_sequence),
    ];
    return (await this.pool.query<RunHead>({ ...HEADS_OF_ENDS, values })).rows;
  }

  /** Heads of runs that ended before a time and have none, at most `limit`. */
  async forgotten(endedBefore: string, limit: number): Promise<RunHead[]> {
    return (await this.pool.query<RunHead>({ ...FORGOTTEN, values: [endedBefore, limit] })).rows;
  }

  async keep(heads: readonly RunHead[]): Promise<void> {
    const values = [
      heads.map((head) => head.tenant_id),
      heads.map((head) => head.run_id),
      heads.map((head) => head.run_sequence),
      heads.map((head) => head.hash),
      heads.map((head) => head.recorded_at),
      heads.map((head) => this.signer.macOfRun(head)),
    ];
    await this.pool.query({ ...STORE_RUNS, values });
  }

  async keepTenant(head: TenantHead): Promise<void> {
    const values = [head.tenant_id, head.until, head.runs, head.streams, head.hash, this.signer.macOfTenant(head)];
    await this.pool.query({ ...STORE_TENANT, values });
  }

  /** Tenants that have a journal and no head of this moment. */
  async tenantsWithout(until: string): Promise<string[]> {
    const { rows } = await this.pool.query<{ tenant_id: string }>(
      `SELECT tenant_id FROM (SELECT DISTINCT tenant_id FROM proj_runs UNION
         SELECT DISTINCT split_part(stream, '/', 1) FROM nexus_events) tenants
       WHERE NOT EXISTS (SELECT FROM audit_tenant_heads h WHERE h.tenant_id = tenants.tenant_id AND h.until >= $1)
       ORDER BY tenant_id`,
      [until],
    );
    return rows.map((row) => row.tenant_id);
  }

  /** The head of a tenant: of all rows recorded before `until`. The same for ever, while the journal is what it was. */
  tenantHead(tenantId: string, until: string): Promise<TenantHead> {
    return inSnapshot(this.pool, (client) => tenantHeadIn(client, tenantId, until));
  }
}

/** {@link HeadStore.tenantHead} within a snapshot. */
export async function tenantHeadIn(client: pg.PoolClient, tenantId: string, until: string): Promise<TenantHead> {
  const before = `recorded_at < ${client.escapeLiteral(until)}::timestamptz`;
  const hash = createHash('sha256');
  const counted = { runs: 0, streams: 0 };
  const runs = `SELECT DISTINCT ON (run_id) run_id AS id, run_sequence AS sequence, encode(hash, 'hex') AS hash
    FROM run_events WHERE tenant_id = ${client.escapeLiteral(tenantId)} AND ${before}
    ORDER BY run_id, run_sequence DESC`;
  const streams = `SELECT DISTINCT ON (stream) stream AS id, sequence, encode(hash, 'hex') AS hash
    FROM nexus_events WHERE ${streamsOf(client, tenantId)} AND ${before} ORDER BY stream, sequence DESC`;
  for (const [of, query] of [
    ['runs', runs],
    ['streams', streams],
  ] as const) {
    for await (const rows of rowsOf<{ id: string; sequence: number; hash: string }>(client, `heads_${of}`, query)) {
      for (const row of rows) hash.update(`${of} ${row.id} ${row.sequence} ${row.hash}\n`);
      counted[of] += rows.length;
    }
  }
  return { tenant_id: tenantId, until, ...counted, hash: hash.digest('hex') };
}
