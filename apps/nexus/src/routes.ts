import { setTimeout as pause } from 'node:timers/promises';
import { assertRestricted, openPool, RoleRefused } from '@runspine/projections/journal';
import { RouteTable, SECRET_PREFIX } from '@runspine/routing';
import { type Service, variablesWith } from '@runspine/service';
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
  const restricted = async (): Promise<void> => {
    for (let waitMs = 100; !stopping.signal.aborted; waitMs = Math.min(2 * waitMs, 5000)) {
      try {
        await assertRestricted(pool, 'runspine_nexus');
        return table.start();
      } catch (error) {
        if (error instanceof RoleRefused) throw error;
        logger.warn({ err: error, wait_ms: waitMs }, 'PostgreSQL does not answer yet');
        await pause(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  };
  void restricted().catch(fatal);
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
