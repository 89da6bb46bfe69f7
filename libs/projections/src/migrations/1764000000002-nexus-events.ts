import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What happened in Nexus, by stream (the Kafka key: a space's path), and the tasks folded from it. */
export class NexusEvents1764000000002 implements MigrationInterface {
  readonly name = 'NexusEvents1764000000002';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...TABLES, ...GRANTS]) await runner.query(statement);
    for (const table of ['nexus_events', 'proj_nexus_tasks']) {
      await runner.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
      await runner.query(
        `CREATE POLICY gateway_tenant ON ${table} FOR SELECT TO runspine_gateway
           USING (tenant_id = current_setting('runspine.tenant', true))`,
      );
      await runner.query(
        `CREATE POLICY projector_all ON ${table} TO runspine_projector USING (true) WITH CHECK (true)`,
      );
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['proj_nexus_tasks', 'nexus_events']) await runner.query(`DROP TABLE ${table}`);
  }
}

const TABLES = [
  // data_hash is of the event's whole data; data goes without the documents of an ingest, which the space itself has.
  `CREATE TABLE nexus_events (
    stream text NOT NULL,
    sequence bigint NOT NULL,
    tenant_id text NOT NULL,
    env text NOT NULL,
    project_id text NOT NULL,
    surface_id text NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    time timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    source text NOT NULL,
    task_id text,
    correlation_id text,
    causation_id text,
    traceparent text,
    source_partition integer NOT NULL,
    source_offset bigint NOT NULL,
    data json NOT NULL,
    data_hash bytea NOT NULL,
    prev_hash bytea,
    hash bytea NOT NULL,
    PRIMARY KEY (stream, sequence)
  )`,
  `CREATE UNIQUE INDEX nexus_events_id ON nexus_events (tenant_id, event_id)`,
  `CREATE INDEX nexus_events_recent ON nexus_events (tenant_id, env, recorded_at)`,
  `CREATE INDEX nexus_events_correlation ON nexus_events (tenant_id, env, correlation_id, recorded_at)
    WHERE correlation_id IS NOT NULL`,
  `CREATE TABLE proj_nexus_tasks (
    tenant_id text NOT NULL,
    task_id text NOT NULL,
    env text NOT NULL,
    project_id text NOT NULL,
    surface_id text NOT NULL,
    space_id text NOT NULL,
    scope text NOT NULL,
    stream text NOT NULL,
    status text NOT NULL,
    documents bigint NOT NULL,
    documents_done bigint NOT NULL,
    chunks bigint NOT NULL,
    version bigint,
    errors jsonb NOT NULL,
    request_hash text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, task_id)
  ) WITH (fillfactor = 80)`,
  `CREATE INDEX proj_nexus_tasks_id ON proj_nexus_tasks (task_id)`,
];

const GRANTS = [
  `GRANT SELECT ON nexus_events, proj_nexus_tasks TO runspine_gateway`,
  `GRANT SELECT, INSERT ON nexus_events TO runspine_projector`,
  `GRANT SELECT, INSERT, UPDATE ON proj_nexus_tasks TO runspine_projector`,
];
