import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { ROUTES_MAX, RouteTable } from './route-table.js';

// Real: PostgreSQL. The table is the one connection's own, so that the test has it alone.
const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres',
  max: 1,
  idleTimeoutMillis: 0,
});
const place = { tenantId: 'acme', env: 'prod', projectId: 'web' };
let readings = 0;

beforeAll(async () => {
  await pool.query(
    `CREATE TEMP TABLE resource_routes (tenant_id text, kind text, env text, project_id text, uri text, options jsonb,
       updated_at timestamptz, updated_by text)`,
  );
  pool.on('acquire', () => (readings += 1));
});
beforeEach(() => pool.query('DELETE FROM resource_routes'));
afterAll(() => pool.end());

/** Reads its routes when it is told to, and never by itself within a test. */
function tableOf(): { table: RouteTable; faults: unknown[] } {
  const faults: unknown[] = [];
  const onFault = (fault: unknown) => faults.push(fault);
  const table = new RouteTable({
    pool,
    refreshMs: 3_600_000,
    policy: { fileRoots: [] },
    secrets: new Map(),
    onFault,
  });
  return { table, faults };
}

async function write(uri: string | null, tenant = place.tenantId): Promise<void> {
  await pool.query(`INSERT INTO resource_routes VALUES ($1, 'nexus_store', '*', '*', $2, '{}', now(), 'test')`, [
    tenant,
    uri,
  ]);
}

/** How often the table was read meanwhile. */
async function readingsOf(work: () => Promise<unknown>): Promise<number> {
  const before = readings;
  await work();
  return readings - before;
}

const missing = expect.objectContaining({ code: 'nexus_store.missing_route' });

describe('a route that must be fresh', () => {
  it('is found though it is younger than the last look', async () => {
    const { table } = tableOf();
    await table.refresh();
    await write('s3://bucket/acme');

    expect(() => table.require('nexus_store', place)).toThrow(missing);
    expect(await table.requireFresh('nexus_store', place)).toMatchObject({ uri: 's3://bucket/acme' });
  });

  it('is found when it is written while somebody looks', async () => {
    const { table } = tableOf();
    await table.refresh();
    const found = table.requireFresh('nexus_store', place);
    await write('s3://bucket/acme');

    expect(await found).toMatchObject({ uri: 's3://bucket/acme' });
  });

  it('costs no look where it is known', async () => {
    await write('s3://bucket/acme');
    const { table } = tableOf();
    await table.refresh();

    expect(await readingsOf(() => table.requireFresh('nexus_store', place))).toBe(0);
  });

  it('is looked for twice and no more, whoever asks, and then said to be missing', async () => {
    const { table } = tableOf();
    await table.refresh();
    await write('s3://bucket/other', 'other');
    await write(null);
    const asked = Array.from({ length: 50 }, () => table.requireFresh('nexus_store', place));

    expect(
      await readingsOf(async () => {
        for (const answer of asked) await expect(answer).rejects.toEqual(missing);
      }),
    ).toBe(2);
  });

  it('is missing while it cannot be looked for, and the fault is told', async () => {
    const { table, faults } = tableOf();
    await table.refresh();
    await pool.query(
      `INSERT INTO resource_routes SELECT 'other', 'nexus_store', n::text, '*', NULL, '{}', now(), 'test'
         FROM generate_series(0, $1::int) n`,
      [ROUTES_MAX],
    );

    await expect(table.requireFresh('nexus_store', place)).rejects.toEqual(missing);
    expect(faults).toEqual(Array(2).fill(new Error(`There are more than ${ROUTES_MAX} routes.`)));
  });

  it('is not looked for before routes were known once', async () => {
    await write('s3://bucket/acme');
    const { table } = tableOf();

    await expect(table.requireFresh('nexus_store', place)).rejects.toMatchObject({ code: 'store.unavailable' });
  });

  it('is not waited for by a service that stops', async () => {
    const { table } = tableOf();
    await table.refresh();
    await table.stop();

    expect(await readingsOf(() => expect(table.requireFresh('nexus_store', place)).rejects.toEqual(missing))).toBe(0);
  });
});
