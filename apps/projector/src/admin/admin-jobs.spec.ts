import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { openPool } from '@runspine/projections';
import { createLogger } from '@runspine/service';
import type pg from 'pg';
import { RunningNexus } from '../nexus/running-nexus.fixture.js';
import { AdminJobs } from './admin-jobs.js';

// Real: PostgreSQL, in the projector's role.
let database: RunningNexus;
let pool: pg.Pool;
let jobs: AdminJobs;

beforeAll(async () => {
  database = await RunningNexus.start(process.env);
  const databaseUrl = database.owner.options.connectionString!;
  pool = openPool({ databaseUrl, role: 'runspine_projector', connectionsMax: 2 });
  const logger = createLogger('test', { logLevel: 'fatal', instance: 'test' });
  jobs = new AdminJobs({ pool, instance: 'test', keptDays: 90, logger });
});
beforeEach(() => database.owner.query('DELETE FROM admin_jobs'));
afterAll(async () => {
  await jobs.close();
  await pool.end();
  await database.remove();
});

/** `count` jobs of an earlier time, without a work. */
async function earlier(prefix: string, count: number, status: string, ended: string | null): Promise<void> {
  await database.owner.query(
    `INSERT INTO admin_jobs (job_id, kind, tenant_id, status, done, request, instance, requested_by, cancel_requested,
       created_at, updated_at, ended_at)
     SELECT $1 || n, $1, 'acme', $3, 0, '{}', 'another', 'somebody', false, now() - interval '1 year', now(),
       now() - $4::interval
     FROM generate_series(1, $2::int) n`,
    [prefix, count, status, ended],
  );
}

async function start(): Promise<string> {
  const request = { kind: 'audit', tenantId: 'acme', request: {}, subject: 'somebody' } as const;
  const jobId = await jobs.start(request, () => Promise.resolve({ found: 'nothing' }));
  while ((await jobs.find(jobId, 'acme')).status === 'running') await new Promise((next) => setImmediate(next));
  return jobId;
}

const known = async () =>
  (await database.owner.query<{ job_id: string }>('SELECT job_id FROM admin_jobs ORDER BY job_id')).rows.map(
    (row) => row.job_id,
  );

it('are forgotten when another starts, that long after they ended', async () => {
  await earlier('old_failed', 1, 'failed', '91 days');
  await earlier('old_completed', 1, 'completed', '91 days');
  await earlier('recent', 1, 'completed', '89 days');
  await earlier('running', 1, 'running', null);

  const jobId = await start();

  expect(await known()).toEqual([jobId, 'recent1', 'running1'].sort());
  expect(await jobs.find(jobId, 'acme')).toMatchObject({ status: 'completed', result: { found: 'nothing' } });
});

it('go a thousand at once, the oldest first, so that no start waits for all of them', async () => {
  await earlier('older', 1000, 'completed', '200 days');
  await earlier('old', 10, 'completed', '100 days');

  const first = await start();
  expect(await known()).toHaveLength(11);
  const second = await start();
  expect(await known()).toEqual([first, second].sort());
});
