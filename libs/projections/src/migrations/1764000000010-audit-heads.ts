import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Where journals were when somebody signed for it: a run's at its end, a tenant's once a day. Inserted into, never
 * changed: rows that are cut off the end of a journal, with the projection that names it, show against them.
 */
export class AuditHeads1764000000010 implements MigrationInterface {
  readonly name = 'AuditHeads1764000000010';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
    for (const table of TABLES) {
      await runner.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
      await runner.query(
        `CREATE POLICY projector_all ON ${table} TO runspine_projector USING (true) WITH CHECK (true)`,
      );
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`DROP TABLE ${table}`);
  }
}

const TABLES = ['audit_heads', 'audit_tenant_heads'];

const STATEMENTS = [
  `CREATE TABLE audit_heads (
    tenant_id text NOT NULL,
    run_id text NOT NULL,
    run_sequence bigint NOT NULL,
    hash bytea NOT NULL,
    recorded_at timestamptz NOT NULL,
    mac bytea NOT NULL,
    PRIMARY KEY (tenant_id, run_id, run_sequence)
  )`,
  `CREATE TABLE audit_tenant_heads (
    tenant_id text NOT NULL,
    until timestamptz NOT NULL,
    runs bigint NOT NULL,
    streams bigint NOT NULL,
    hash bytea NOT NULL,
    mac bytea NOT NULL,
    PRIMARY KEY (tenant_id, until)
  )`,
  `GRANT SELECT, INSERT ON audit_heads, audit_tenant_heads TO runspine_projector`,
];
