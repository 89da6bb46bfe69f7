import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createRole } from './create-role.js';

/** Which store and blob store serve whom, and the role of the service that keeps documents. */
export class ResourceRoutes1764000000003 implements MigrationInterface {
  readonly name = 'ResourceRoutes1764000000003';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(createRole('runspine_nexus'));
    for (const statement of [TABLE, ...GRANTS, SECURITY, ...POLICIES]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE resource_routes');
    // The role stays: it belongs to the server, and other databases may use it.
  }
}

// '*' stands for any tenant, env or project; a null uri says that there is no store, here.
const TABLE = `CREATE TABLE resource_routes (
  tenant_id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('nexus_store', 'nexus_blob_store')),
  env text NOT NULL,
  project_id text NOT NULL,
  uri text,
  options jsonb NOT NULL,
  updated_at timestamptz NOT NULL,
  updated_by text NOT NULL,
  PRIMARY KEY (tenant_id, kind, env, project_id)
)`;

const GRANTS = [
  `GRANT USAGE ON SCHEMA public TO runspine_nexus`,
  `GRANT SELECT ON resource_routes TO runspine_nexus`,
  `GRANT SELECT, INSERT, UPDATE, DELETE ON resource_routes TO runspine_gateway`,
];

const SECURITY = 'ALTER TABLE resource_routes ENABLE ROW LEVEL SECURITY';

// A service resolves the routes of whoever calls, so that it reads them all, in no tenant's name; a transaction in the
// name of one sees and changes that one's only. No row has a secret: options name them.
const POLICIES = [
  `CREATE POLICY nexus_all ON resource_routes FOR SELECT TO runspine_nexus USING (true)`,
  `CREATE POLICY gateway_reads ON resource_routes FOR SELECT TO runspine_gateway
     USING (coalesce(current_setting('runspine.tenant', true), '') IN ('', tenant_id))`,
  `CREATE POLICY gateway_inserts ON resource_routes FOR INSERT TO runspine_gateway
     WITH CHECK (tenant_id = current_setting('runspine.tenant', true))`,
  `CREATE POLICY gateway_updates ON resource_routes FOR UPDATE TO runspine_gateway
     USING (tenant_id = current_setting('runspine.tenant', true))
     WITH CHECK (tenant_id = current_setting('runspine.tenant', true))`,
  `CREATE POLICY gateway_deletes ON resource_routes FOR DELETE TO runspine_gateway
     USING (tenant_id = current_setting('runspine.tenant', true))`,
];
