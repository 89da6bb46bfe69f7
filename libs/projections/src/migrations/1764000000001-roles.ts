import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createRole } from './create-role.js';

/**
 * The roles that the services take, and what each may do. The journal is inserted into and never changed: only the
 * eraser may replace a payload. Row-level security holds the gateway to the tenant of its transaction.
 */
export class Roles1764000000001 implements MigrationInterface {
  readonly name = 'Roles1764000000001';

  async up(runner: QueryRunner): Promise<void> {
    for (const role of ['runspine_gateway', 'runspine_projector', 'runspine_eraser']) {
      await runner.query(createRole(role));
    }
    for (const statement of GRANTS) await runner.query(statement);
    for (const table of TENANT_TABLES) {
      await runner.query(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
      await runner.query(
        `CREATE POLICY gateway_tenant ON ${table} FOR SELECT TO runspine_gateway
           USING (tenant_id = current_setting('runspine.tenant', true))`,
      );
      await runner.query(
        `CREATE POLICY projector_all ON ${table} TO runspine_projector USING (true) WITH CHECK (true)`,
      );
    }
    for (const table of ['run_events', 'rejections']) {
      await runner.query(`CREATE POLICY eraser_all ON ${table} TO runspine_eraser USING (true) WITH CHECK (true)`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TENANT_TABLES) {
      await runner.query(`DROP POLICY IF EXISTS gateway_tenant ON ${table}`);
      await runner.query(`DROP POLICY IF EXISTS projector_all ON ${table}`);
      await runner.query(`DROP POLICY IF EXISTS eraser_all ON ${table}`);
      await runner.query(`ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`);
    }
    // The roles stay: they belong to the server, and other databases may use them.
  }
}

const TENANT_TABLES = [
  'run_events',
  'event_outcomes',
  'idempotency_keys',
  'rejections',
  'proj_runs',
  'proj_steps',
  'proj_rooms',
];

const GRANTS = [
  `GRANT USAGE ON SCHEMA public TO runspine_gateway, runspine_projector, runspine_eraser`,
  `GRANT SELECT ON run_events, event_outcomes, rejections, proj_runs, proj_steps, proj_rooms TO runspine_gateway`,
  `GRANT SELECT, INSERT ON run_events, event_outcomes, idempotency_keys, rejections TO runspine_projector`,
  `GRANT DELETE ON idempotency_keys TO runspine_projector`,
  `GRANT SELECT, INSERT, UPDATE ON proj_runs, proj_steps, proj_rooms, projector_offsets TO runspine_projector`,
  `GRANT SELECT, UPDATE (data) ON run_events, rejections TO runspine_eraser`,
];
