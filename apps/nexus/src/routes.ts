import { assertRestricted, openPool, RoleRefused } from '@runspine/projections/journal';
import { RouteTable, SECRET_PREFIX } from '@runspine/routing';
import { persist, type Service, variablesWith } from '@runspine/service';
import type { NexusSettings } from './config.js';

/** The routes in force, read from PostgreSQL again and again. */
export interface OpenRoutes {
  readonly table: RouteTable;
  /** Of the role runspine_nexus. */
  readonly pool: ReturnType<typeof openPool>;
  close(): Promise<void>;
}

/** Begins to read routes. A role that must not be used ends the process; PostgreSQL may be away. */
export function openRoutes({ settings, logger, health, fatal }: Service<NexusSettings>): OpenRoutes {
  const pool = openPool({
    databaseUrl: settings.databaseUrl,
    role: 'runspine_nexus',
    connectionsMax: settings.postgresConnectionsMax,
    applicationName: settings.instance,
  });
  const table = new RouteTable({
    pool,
    refreshMs: settings.routesRefreshMs,
    policy: { fileRoots: settings.routeFileRoots },
    secrets: variablesWith(SECRET_PREFIX),
    onFault: (error) => logger.warn({ err: error }, 'routes could not be read; those known stay in force'),
  });
  const stopping = new AbortController();
  const begin = async (): Promise<void> => {
    await assertRestricted(pool, 'runspine_nexus');
    table.start();
  };
  void persist(begin, {
    signal: stopping.signal,
    isFinal: (error) => error instanceof RoleRefused,
    onFault: (error, waitMs) => logger.warn({ err: error, wait_ms: waitMs }, 'PostgreSQL does not answer yet'),
  }).catch(fatal);
  health.add('routes', () => (table.ready ? { ok: true } : { ok: false, detail: 'not read from PostgreSQL yet' }));
  return {
    table,
    pool,
    close: async () => {
      stopping.abort();
      await table.stop();
      await pool.end();
    },
  };
}
