import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Work of administration that takes longer than a request: one of a kind runs at a time, whichever projector has it. */
export class AdminJobs1764000000011 implements MigrationInterface {
  readonly name = 'AdminJobs1764000000011';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE admin_jobs');
  }
}

const STATEMENTS = [
  `CREATE TABLE admin_jobs (
    job_id text PRIMARY KEY,
    kind text NOT NULL,
    tenant_id text,
    status text NOT NULL CHECK (status IN ('running', 'completed', 'failed', 'cancelled')),
    done bigint NOT NULL,
    total bigint,
    request jsonb NOT NULL,
    result jsonb,
    error jsonb,
    instance text NOT NULL,
    requested_by text NOT NULL,
    cancel_requested boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    ended_at timestamptz
  )`,
  `CREATE UNIQUE INDEX admin_jobs_running ON admin_jobs (kind) WHERE status = 'running'`,
  `CREATE INDEX admin_jobs_newest ON admin_jobs (created_at DESC)`,
  `ALTER TABLE admin_jobs ENABLE ROW LEVEL SECURITY`,
  `CREATE POLICY projector_all ON admin_jobs TO runspine_projector USING (true) WITH CHECK (true)`,
  `GRANT SELECT, INSERT, UPDATE ON admin_jobs TO runspine_projector`,
];
