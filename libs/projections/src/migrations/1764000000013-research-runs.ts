import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What belonged together in Nexus, by trace or correlation; each writer adds to it, whatever partition it has. */
export class ResearchRuns1764000000013 implements MigrationInterface {
  readonly name = 'ResearchRuns1764000000013';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE proj_research_runs');
    await runner.query('ALTER TABLE proj_nexus_tasks DROP COLUMN research_id');
  }
}

const STATEMENTS = [
  // Kind and status follow from what is summed up, so that adding to it is all that a writer does.
  `CREATE TABLE proj_research_runs (
    tenant_id text NOT NULL,
    env text NOT NULL,
    project_id text NOT NULL,
    id text NOT NULL,
    kind_rank integer NOT NULL CHECK (kind_rank BETWEEN 0 AND 3),
    started_at timestamptz NOT NULL,
    last_event_at timestamptz NOT NULL,
    tasks_open bigint NOT NULL,
    tasks_failed bigint NOT NULL,
    cards bigint NOT NULL,
    atoms bigint NOT NULL,
    searches bigint NOT NULL,
    packs bigint NOT NULL,
    assets bigint NOT NULL,
    kind text NOT NULL GENERATED ALWAYS AS ((ARRAY['search', 'asset', 'ingest', 'pack'])[kind_rank + 1]) STORED,
    status text NOT NULL GENERATED ALWAYS AS
      (CASE WHEN tasks_open > 0 THEN 'running' WHEN tasks_failed > 0 THEN 'failed' ELSE 'completed' END) STORED,
    PRIMARY KEY (tenant_id, env, project_id, id)
  ) WITH (fillfactor = 80)`,
  `CREATE INDEX proj_research_runs_newest ON proj_research_runs (tenant_id, env, started_at, project_id, id)`,
  `CREATE INDEX proj_research_runs_recent ON proj_research_runs (tenant_id, env, last_event_at)`,
  `ALTER TABLE proj_nexus_tasks ADD COLUMN research_id text`,
  `GRANT SELECT ON proj_research_runs TO runspine_gateway`,
  `GRANT SELECT, INSERT, UPDATE ON proj_research_runs TO runspine_projector`,
  `ALTER TABLE proj_research_runs ENABLE ROW LEVEL SECURITY`,
  `CREATE POLICY gateway_tenant ON proj_research_runs FOR SELECT TO runspine_gateway
    USING (tenant_id = current_setting('runspine.tenant', true))`,
  `CREATE POLICY projector_all ON proj_research_runs TO runspine_projector USING (true) WITH CHECK (true)`,
];
