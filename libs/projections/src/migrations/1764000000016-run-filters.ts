import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The newest failure, and the newest runs of a stage, are what people ask for most, and both may be rare: without an
 * index of their own the list went through every newer run. Runs that go well, and runs without a stage, are not in them.
 */
export class RunFilters1764000000016 implements MigrationInterface {
  readonly name = 'RunFilters1764000000016';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX proj_runs_unsuccessful ON proj_runs (tenant_id, env, created_at DESC, run_id DESC)
        WHERE status IN ('failed', 'cancelled')`,
    );
    await runner.query(
      `CREATE INDEX proj_runs_stage ON proj_runs (tenant_id, env, stage, created_at DESC, run_id DESC)
        WHERE stage IS NOT NULL`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX proj_runs_stage');
    await runner.query('DROP INDEX proj_runs_unsuccessful');
  }
}
