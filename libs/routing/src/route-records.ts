import { isNameId, type ResourceRoute, type RouteKey, ServiceError } from '@runspine/contracts';
import type pg from 'pg';
import { ANY, type StoredRoute } from './route.js';
import { checkRoute, requireOwner, type RoutePolicy, type RouteWriter } from './route-policy.js';
import { ROUTES_MAX, TENANT_ROUTES_MAX } from './route-table.js';

const COLUMNS = 'kind, tenant_id, env, project_id, uri, options, updated_at, updated_by';

/** Routes in PostgreSQL, as their admins read and write them. Each transaction is in the name of one tenant. */
export class RouteRecords {
  constructor(
    private readonly pool: pg.Pool,
    private readonly policy: RoutePolicy,
  ) {}

  /** The writer's tenant's routes; with the role system all. */
  list(writer: RouteWriter): Promise<StoredRoute[]> {
    const order = 'ORDER BY tenant_id, kind, env, project_id';
    if (writer.system) {
      return this.pool.query<StoredRoute>(`SELECT ${COLUMNS} FROM resource_routes ${order}`).then(({ rows }) => rows);
    }
    return this.as(writer.tenantId, async (client) => {
      const text = `SELECT ${COLUMNS} FROM resource_routes WHERE tenant_id = $1 ${order}`;
      return (await client.query<StoredRoute>(text, [writer.tenantId])).rows;
    });
  }

  /**
   * Sets a route, in the place of one with the same key.
   * @throws ServiceError `request.invalid`, `auth.forbidden`, `nexus_route.forbidden`, `nexus_route.too_many`
   */
  async put(route: ResourceRoute, writer: RouteWriter): Promise<StoredRoute> {
    const { kind, tenant_id, env, project_id, uri, options } = checkRoute(route, writer, this.policy);
    await this.requireRoom(tenant_id);
    return this.as(tenant_id, async (client) => {
      const { rows } = await client.query<StoredRoute>(
        `INSERT INTO resource_routes (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp(), $7)
         ON CONFLICT (tenant_id, kind, env, project_id) DO UPDATE SET uri = excluded.uri, options = excluded.options,
           updated_at = excluded.updated_at, updated_by = excluded.updated_by
         RETURNING ${COLUMNS}`,
        [kind, tenant_id, env, project_id, uri, JSON.stringify(options), writer.subject],
      );
      return rows[0]!;
    });
  }

  /** @throws ServiceError `auth.forbidden`, `nexus_route.not_found` */
  async remove({ kind, tenant_id, env, project_id }: RouteKey, writer: RouteWriter): Promise<void> {
    requireOwner(tenant_id, writer);
    const { rowCount } = await this.as(tenant_id, (client) =>
      client.query('DELETE FROM resource_routes WHERE tenant_id = $1 AND kind = $2 AND env = $3 AND project_id = $4', [
        tenant_id,
        kind,
        env,
        project_id,
      ]),
    );
    if (rowCount === 0) throw new ServiceError('nexus_route.not_found');
  }

  /** Two at once may pass a bound by one; the table of routes has a little more room. */
  private async requireRoom(tenantId: string): Promise<void> {
    const { rows } = await this.pool.query<{ all: number; own: number }>(
      `SELECT count(*)::int AS all, count(*) FILTER (WHERE tenant_id = $1)::int AS own FROM resource_routes`,
      [tenantId],
    );
    const { all = 0, own = 0 } = rows[0] ?? {};
    if (own < TENANT_ROUTES_MAX && all < ROUTES_MAX - 100) return;
    const routesMax = own < TENANT_ROUTES_MAX ? ROUTES_MAX - 100 : TENANT_ROUTES_MAX;
    throw new ServiceError('nexus_route.too_many', undefined, { routes_max: routesMax });
  }

  /** A transaction in which row-level security shows and lets change one tenant's rows; `*` counts as one. */
  private async as<T>(tenantId: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    if (tenantId !== ANY && !isNameId(tenantId)) throw new RangeError('not the id of a tenant');
    const client = await this.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query(`BEGIN; SET LOCAL runspine.tenant = '${tenantId}'`);
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch((fault: Error) => (broken = fault));
      throw error;
    } finally {
      client.release(broken);
    }
  }
}
