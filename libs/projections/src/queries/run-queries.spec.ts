import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunResource } from '@runspine/contracts';
import pg from 'pg';
import { ReadStore } from './read-store.js';
import { RunQueries, type RunPosition } from './run-queries.js';
import { TestDatabase } from './stored-runs.fixture.js';

// Real: PostgreSQL, migrated, with its roles and policies. Not real: the projector; its rows are written by the test.
const ACME = { tenantId: 'acme', env: 'default' };
const FINGERPRINT = `sha256:${'ab'.repeat(32)}`;
const HOSTILE = [`' OR '1'='1`, `"; DROP TABLE run_events; --`, '%', '\\', '\u2028', '🦆', 'a:b', ':', '{}', 'null'];

let database: TestDatabase;
let runs: RunQueries;

beforeAll(async () => {
  database = await TestDatabase.create(process.env.DATABASE_URL);
  runs = new RunQueries(database.store);
});
afterAll(() => database.drop());

async function walk(
  scope: { tenantId: string; env: string },
  filters: Parameters<RunQueries['list']>[1],
  limit: number,
  between: () => Promise<unknown> = () => Promise.resolve(),
): Promise<RunResource[]> {
  const seen: RunResource[] = [];
  let after: RunPosition | undefined;
  do {
    const page = await runs.list(scope, filters, { limit, after });
    expect(page.items.length).toBeLessThanOrEqual(limit);
    seen.push(...page.items);
    after = page.next ?? undefined;
    await between();
  } while (after);
  return seen;
}

describe('the list of runs', () => {
  const scope = { tenantId: 'lister', env: 'default' };
  const base = Date.UTC(2026, 0, 1);
  const ids: string[] = [];

  beforeAll(async () => {
    for (let i = 0; i < 12; i++) {
      const run = database.run({ ...scope, recordedMs: base + Math.floor(i / 3) * 60_000, roomId: `room-${i % 2}` });
      // Three runs of each minute were created in the same millisecond: only the id tells them apart.
      await run.apply('run.created', {
        stage: i % 2 ? 'extract' : 'load',
        kind: 'pipeline',
        tags: { owner: i % 3 ? 'ann' : 'bob', 'a:b': 'c' },
        stale_after_s: i === 5 ? 31_536_000 : 60,
        ...(i > 0 ? { parent_run_id: ids[0] } : {}),
      });
      if (i % 4 === 0) await run.apply('run.started');
      if (i % 8 === 0) await run.apply('run.completed');
      ids.push(run.id);
    }
  });

  it.each([1, 2, 5, 11, 12, 13])('is whole and newest first in pages of %i', async (limit) => {
    const seen = await walk(scope, {}, limit);

    expect(new Set(seen.map((run) => run.run_id))).toEqual(new Set(ids));
    expect(seen).toHaveLength(12);
    const keys = seen.map((run) => `${run.created_at} ${run.run_id}`);
    expect(keys).toEqual([...keys].sort().reverse());
  });

  it('shows no run twice and leaves none out while others are created', async () => {
    const other = { tenantId: 'lister', env: 'busy' };
    const first = await Promise.all(
      Array.from({ length: 9 }, async () => {
        const run = database.run(other);
        await run.apply('run.created');
        return run.id;
      }),
    );
    const seen = await walk(other, {}, 2, () =>
      database.run({ ...other, recordedMs: Date.now() }).apply('run.created'),
    );

    const found = seen.map((run) => run.run_id);
    expect(new Set(found).size).toBe(found.length);
    expect(found).toEqual(expect.arrayContaining(first));
  });

  it('keeps to every filter', async () => {
    const count = async (filters: Parameters<RunQueries['list']>[1]) => (await walk(scope, filters, 5)).length;

    expect(await count({ status: 'completed' })).toBe(2);
    expect(await count({ status: 'running' })).toBe(1);
    expect(await count({ stage: 'load' })).toBe(6);
    expect(await count({ kind: 'pipeline', stage: 'extract', room: 'room-1' })).toBe(6);
    expect(await count({ room: 'room-0', stage: 'extract' })).toBe(0);
    expect(await count({ tag: 'owner' })).toBe(12);
    expect(await count({ tag: 'owner:bob' })).toBe(4);
    expect(await count({ tag: 'own' })).toBe(0);
    expect(await count({ parent: ids[0] })).toBe(11);
    expect(await count({ project: 'default', surface: 'default' })).toBe(12);
    expect(await count({ project: 'other' })).toBe(0);
    expect(await count({ stalled: true })).toBe(9);
    expect(await count({ stalled: false })).toBe(3);
    expect((await walk(scope, { stalled: true }, 50)).every((run) => run.stalled)).toBe(true);
  });

  it('takes since inclusive and until exclusive', async () => {
    const [newest] = (await runs.list(scope, {}, { limit: 1 })).items;
    const at = newest!.created_at;

    expect((await walk(scope, { since: at }, 50)).every((run) => run.created_at >= at)).toBe(true);
    expect(await walk(scope, { since: at }, 50)).not.toHaveLength(0);
    expect((await walk(scope, { until: at }, 50)).every((run) => run.created_at < at)).toBe(true);
    expect((await walk(scope, { since: at }, 50)).length + (await walk(scope, { until: at }, 50)).length).toBe(12);
  });

  it.each(HOSTILE)('takes %j for a value and nothing else', async (value) => {
    for (const filters of [{ stage: value }, { kind: value }, { tag: value }, { tag: `x:${value}` }]) {
      expect((await runs.list(scope, filters, { limit: 5 })).items).toEqual([]);
    }
  });
});

describe('the list of many runs, of which few are looked for', () => {
  const scope = { tenantId: 'many', env: 'default' };
  const OTHERS = 5000;
  let owner: pg.Client;
  let failedId: string;

  beforeAll(async () => {
    owner = new pg.Client({ connectionString: database.url });
    await owner.connect();
    const failed = database.run({ ...scope, recordedMs: Date.UTC(2026, 0, 1) });
    await failed.apply('run.created', { stage: 'yearly' });
    await failed.apply('run.failed', { error: { message: 'no paper' } });
    failedId = failed.id;
    await owner.query(
      `INSERT INTO proj_runs SELECT (jsonb_populate_record(it, jsonb_build_object('status', 'completed', 'stage', 'daily',
           'run_id', 'run_' || lpad(to_hex(i), 32, '0'), 'created_at', it.created_at + i * interval '1 second'))).*
         FROM proj_runs it, generate_series(1, ${OTHERS}) i WHERE tenant_id = 'many'`,
    );
    await owner.query('ANALYZE proj_runs');
  });
  afterAll(() => owner.end());

  /** How often PostgreSQL used an index so far; a connection says so at its end at the latest. */
  const usesOf = async (index: string): Promise<number> => {
    const text = 'SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = $1';
    const { rows } = await owner.query<{ idx_scan: string }>(text, [index]);
    return Number(rows[0]!.idx_scan);
  };

  it.each([
    ['failed', { status: 'failed' }, 'proj_runs_unsuccessful', 1],
    ['cancelled', { status: 'cancelled' }, 'proj_runs_unsuccessful', 0],
    ['of a stage', { stage: 'yearly' }, 'proj_runs_stage', 1],
  ] as const)('does not go through all others for those %s', async (_, filters, index, count) => {
    const before = await usesOf(index);
    const store = new ReadStore({ databaseUrl: database.url, role: 'runspine_gateway', connectionsMax: 1 });
    const { items } = await new RunQueries(store).list(scope, filters, { limit: 50 });
    await store.close();

    expect(items.map((run) => run.run_id)).toEqual(count === 0 ? [] : [failedId]);
    for (let look = 0; look < 100 && (await usesOf(index)) === before; look += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await usesOf(index)).toBe(before + 1);
  });
});

describe('checkpoints', () => {
  it('is the latest completed run that executed, of its stage, and whose payload is still there', async () => {
    const complete = async (recordedMs: number, data: object, end: object = {}) => {
      const run = database.run({ recordedMs });
      await run.apply('run.created', { input_fingerprint: FINGERPRINT, stage: 'load', ...data });
      await run.apply('run.started');
      await run.apply('run.completed', end);
      return run;
    };
    const now = Date.now();
    await complete(now - 90_000, {});
    const best = await complete(now - 60_000, {});
    await complete(now - 50_000, {}, { source: 'checkpoint', checkpoint_run_id: best.id });
    const elsewhere = await complete(now - 40_000, { stage: 'extract' });
    const erased = await complete(now - 30_000, {});
    await erased.apply('run.erased', { reason: 'asked' });
    await database.run().apply('run.created', { input_fingerprint: FINGERPRINT });

    expect((await runs.checkpoint(ACME, FINGERPRINT, 'load')).run_id).toBe(best.id);
    expect((await runs.checkpoint(ACME, FINGERPRINT, undefined)).run_id).toBe(elsewhere.id);
    await expect(runs.checkpoint(ACME, FINGERPRINT, 'none')).rejects.toMatchObject({ code: 'checkpoint.not_found' });
    await expect(runs.checkpoint({ ...ACME, env: 'prod' }, FINGERPRINT, undefined)).rejects.toMatchObject({
      code: 'checkpoint.not_found',
    });
  });
});
