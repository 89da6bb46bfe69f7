import type pg from 'pg';
import type { VersionTables } from './version-tables.js';

/** A row that the live projection has otherwise than the journal says. */
export interface Difference {
  table: 'proj_runs' | 'proj_steps' | 'proj_rooms';
  tenant_id: string;
  id: string;
  /** `missing`: the live table lacks it; `extra`: it has it alone; else the columns that differ. */
  what: string;
}

const NAMED_MAX = 100;

/** What differs: the first of each table by name, and how many there are. */
export interface Comparison {
  differences: Difference[];
  total: number;
}

/**
 * Compares the live projections with a version's tables that stand for the same point: in one transaction, whose
 * snapshot both are seen in. `last_seen_at` does not count: heartbeats are not journalled.
 */
export async function compare(
  db: Pick<pg.ClientBase, 'query'>,
  tables: VersionTables,
  tenantId: string | null,
): Promise<Comparison> {
  const differences: Difference[] = [];
  let total = 0;
  for (const query of [runsQuery(tables), stepsQuery(tables), roomsQuery(tables)]) {
    const { rows } = await db.query<Difference & { total: number }>(query, [tenantId]);
    total += rows[0]?.total ?? 0;
    differences.push(...rows.map(({ total: _total, ...difference }) => difference));
  }
  return { differences: differences.slice(0, NAMED_MAX), total };
}

/** Runs that stand elsewhere than the journal: empty where both are at the same point. */
export async function versionDifferences(pool: pg.Pool, tables: VersionTables, tenantId: string | null) {
  const { rows } = await pool.query<Difference>(
    `SELECT 'proj_runs' AS table, tenant_id, run_id AS id,
       format('version %s, the journal %s', coalesce(l.version, 0), coalesce(n.version, 0)) AS what
     FROM proj_runs l FULL JOIN ${tables.runs} n USING (tenant_id, run_id)
     WHERE (l.version IS DISTINCT FROM n.version OR l.head_hash IS DISTINCT FROM n.head_hash)
       AND ($1::text IS NULL OR tenant_id = $1) ORDER BY tenant_id, run_id LIMIT ${NAMED_MAX}`,
    [tenantId],
  );
  return rows;
}

/** The names of the columns in which two rows differ. */
const COLUMNS = `(SELECT string_agg(a.key, ', ' ORDER BY a.key) FROM jsonb_each(to_jsonb(l)) a
  JOIN jsonb_each(to_jsonb(n)) b USING (key) WHERE a.value IS DISTINCT FROM b.value AND a.key <> 'last_seen_at')`;

function runsQuery({ runs }: VersionTables): string {
  return `SELECT 'proj_runs' AS table, tenant_id, run_id AS id, count(*) OVER () AS total,
      CASE WHEN l.version IS NULL THEN 'missing' WHEN n.version IS NULL THEN 'extra' ELSE ${COLUMNS} END AS what
    FROM proj_runs l FULL JOIN ${runs} n USING (tenant_id, run_id)
    WHERE ($1::text IS NULL OR tenant_id = $1) AND (l.version IS NULL OR n.version IS NULL
      OR to_jsonb(l) - 'last_seen_at' <> to_jsonb(n) - 'last_seen_at')
    ORDER BY tenant_id, run_id LIMIT ${NAMED_MAX}`;
}

function stepsQuery({ steps }: VersionTables): string {
  return `SELECT 'proj_steps' AS table, tenant_id, run_id || '/' || step_id AS id, count(*) OVER () AS total,
      CASE WHEN l.status IS NULL THEN 'missing' WHEN n.status IS NULL THEN 'extra' ELSE ${COLUMNS} END AS what
    FROM proj_steps l FULL JOIN ${steps} n USING (tenant_id, run_id, step_id)
    WHERE ($1::text IS NULL OR tenant_id = $1)
      AND (l.status IS NULL OR n.status IS NULL OR to_jsonb(l) <> to_jsonb(n))
    ORDER BY tenant_id, run_id, step_id LIMIT ${NAMED_MAX}`;
}

function roomsQuery({ rooms }: VersionTables): string {
  return `SELECT 'proj_rooms' AS table, tenant_id, env || '/' || room_id AS id, count(*) OVER () AS total,
      CASE WHEN l.last_sequence IS NULL THEN 'missing' WHEN n.last_sequence IS NULL THEN 'extra'
        ELSE format('last_sequence %s, the journal %s', l.last_sequence, n.last_sequence) END AS what
    FROM proj_rooms l FULL JOIN ${rooms} n USING (tenant_id, env, room_id)
    WHERE ($1::text IS NULL OR tenant_id = $1) AND l.last_sequence IS DISTINCT FROM n.last_sequence
    ORDER BY tenant_id, env, room_id LIMIT ${NAMED_MAX}`;
}
