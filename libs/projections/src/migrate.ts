import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { RunSpine1764000000000 } from './migrations/1764000000000-run-spine.js';
import { Roles1764000000001 } from './migrations/1764000000001-roles.js';
import { NexusEvents1764000000002 } from './migrations/1764000000002-nexus-events.js';
import { ResourceRoutes1764000000003 } from './migrations/1764000000003-resource-routes.js';
import { NexusPositions1764000000005 } from './migrations/1764000000005-nexus-positions.js';
import { CorrelationByRun1764000000004 } from './migrations/1764000000004-correlation-by-run.js';
import { AuditHeads1764000000010 } from './migrations/1764000000010-audit-heads.js';
import { AdminJobs1764000000011 } from './migrations/1764000000011-admin-jobs.js';
import { ProjectionVersions1764000000012 } from './migrations/1764000000012-projection-versions.js';
import { ResearchRuns1764000000013 } from './migrations/1764000000013-research-runs.js';
import { AdminJobsKept1764000000014 } from './migrations/1764000000014-admin-jobs-kept.js';
import { RowTypes1764000000015 } from './migrations/1764000000015-row-types.js';
import { RunFilters1764000000016 } from './migrations/1764000000016-run-filters.js';

/** Every migration, oldest first. */
export const MIGRATIONS = [
  RunSpine1764000000000,
  Roles1764000000001,
  NexusEvents1764000000002,
  ResourceRoutes1764000000003,
  CorrelationByRun1764000000004,
  NexusPositions1764000000005,
  AuditHeads1764000000010,
  AdminJobs1764000000011,
  ProjectionVersions1764000000012,
  ResearchRuns1764000000013,
  AdminJobsKept1764000000014,
  RowTypes1764000000015,
  RunFilters1764000000016,
];

/** One number for everybody who migrates a Runspine database, so that two set-ups wait for each other. */
const MIGRATION_LOCK = 7_240_511;

/**
 * Brings the database to the newest version; nothing to do is fine. The login must own the database and may create
 * roles. Safe when two run at once: the second waits.
 * @returns the names of the migrations that ran.
 */
export async function migrate(databaseUrl: string): Promise<string[]> {
  const source = new DataSource({ type: 'postgres', url: databaseUrl, migrations: MIGRATIONS, logging: false });
  await source.initialize();
  const lock = source.createQueryRunner();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const ran = await source.runMigrations({ transaction: 'each' });
    return ran.map((migration) => migration.name);
  } finally {
    await lock.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
    await lock.release();
    await source.destroy();
  }
}
