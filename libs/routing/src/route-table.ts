import { ServiceError } from '@runspine/contracts';
import type pg from 'pg';
import { setTimeout as pause } from 'node:timers/promises';
import { candidateKeys, keyOf, type Place, type ResourceKind, type Route, type StoredRoute } from './route.js';
import { resolveSecrets, type Secrets } from './route-options.js';
import { isAllowedHere, type RoutePolicy } from './route-policy.js';

/** Most routes that there may be: all of them are kept in memory, and read anew every time. */
export const ROUTES_MAX = 20_000;
/** Most of them that one tenant may have. */
export const TENANT_ROUTES_MAX = 500;

const COLUMNS = 'kind, tenant_id, env, project_id, uri, options, updated_at, updated_by';

/** What a table of routes is made with. */
export interface RouteTableOptions {
  /** Of a role that reads resource_routes of all tenants. Not ended here. */
  readonly pool: pg.Pool;
  /** How often all routes are read, milliseconds: a change is in force within it and the time of one query. */
  readonly refreshMs: number;
  readonly policy: Pick<RoutePolicy, 'fileRoots'>;
  readonly secrets: Secrets;
  /** Told when a reading fails, and when one works again. */
  readonly onFault?: (error: unknown) => void;
}

const FRESH_MS = 100;

/**
 * Which store serves whom, in memory. While PostgreSQL is away the routes last known stay in force; before they were
 * known once, nobody is served.
 */
export class RouteTable {
  private routes: ReadonlyMap<string, StoredRoute> | undefined;
  private readonly prepared = new WeakMap<StoredRoute, Route>();
  private readonly stopping = new AbortController();
  private refreshing: Promise<void> | undefined;
  private loop: Promise<void> | undefined;
  private looking: Promise<void> | undefined;

  constructor(private readonly options: RouteTableOptions) {}

  /** Begins to read, at once and then every refreshMs. */
  start(): void {
    this.loop ??= this.keepFresh();
  }

  /** Ends what {@link start} began. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
  }

  /** True once routes were read. */
  get ready(): boolean {
    return this.routes !== undefined;
  }

  /** Reads now; somebody else's reading that is under way is not enough, since it may have begun before a change. */
  async refresh(): Promise<void> {
    await this.refreshing?.catch(() => undefined);
    this.refreshing ??= this.read().finally(() => (this.refreshing = undefined));
    await this.refreshing;
  }

  /**
   * The store that serves a place: of the most specific route, tenant before env before project; so a route of
   * (tenant, any env, project) goes before one of (any tenant, env, project). undefined where there is none, or where it
   * says that there is none.
   * @throws ServiceError `nexus_route.secret_missing`; `store.unavailable` before routes were read once.
   */
  resolve(kind: ResourceKind, place: Place): Route | undefined {
    if (!this.routes) throw new ServiceError('store.unavailable', 'Routes were not read from PostgreSQL yet.');
    for (const key of candidateKeys(kind, place)) {
      const route = this.routes.get(key);
      if (route) return this.usable(route);
    }
    return undefined;
  }

  /** @throws ServiceError as {@link resolve}, and `nexus_store.missing_route` or `nexus_blob_store.missing_route`. */
  require(kind: ResourceKind, place: Place): Route {
    const route = this.resolve(kind, place);
    if (!route) throw new ServiceError(`${kind}.missing_route`);
    return route;
  }

  /**
   * As {@link require}; where there is no route it reads once more before it says so, since one may be younger than the
   * last look. At most one such reading each 100 ms, whoever asks.
   */
  async requireFresh(kind: ResourceKind, place: Place): Promise<Route> {
    // Twice, since a look that is under way may have begun before the route was written.
    for (let look = 0; look < 2; look += 1) {
      try {
        return this.require(kind, place);
      } catch (error) {
        if (!(error instanceof ServiceError) || error.code !== `${kind}.missing_route`) throw error;
      }
      await this.look();
    }
    return this.require(kind, place);
  }

  private async look(): Promise<void> {
    this.looking ??= pause(FRESH_MS, undefined, { signal: this.stopping.signal })
      .then(() => this.refresh())
      .catch((fault: unknown) => this.options.onFault?.(fault))
      .finally(() => (this.looking = undefined));
    await this.looking;
  }

  /** Every store of a kind that some route leads to, each once; what cannot be used here is left out. */
  stores(kind: ResourceKind): Route[] {
    const found = new Map<string, Route>();
    for (const route of this.routes?.values() ?? []) {
      if (route.kind !== kind) continue;
      try {
        const usable = this.usable(route);
        if (usable) found.set(JSON.stringify(usable), usable);
      } catch {
        // A secret that is not set here: whoever is served by it hears of it.
      }
    }
    return [...found.values()];
  }

  private usable(stored: StoredRoute): Route | undefined {
    const { kind, uri, options } = stored;
    if (uri === null) return undefined;
    const known = this.prepared.get(stored);
    if (known) return known;
    if (!isAllowedHere(uri, this.options.policy)) {
      throw new ServiceError(
        `${kind}.missing_route`,
        'The route leads to a folder outside RUNSPINE_ROUTE_FILE_ROOTS of this service.',
      );
    }
    const route = { uri, options: resolveSecrets(options, this.options.secrets) };
    this.prepared.set(stored, route);
    return route;
  }

  private async keepFresh(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.refresh().catch((error: unknown) => this.options.onFault?.(error));
      await pause(this.options.refreshMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async read(): Promise<void> {
    const { rows } = await this.options.pool.query<StoredRoute>(
      `SELECT ${COLUMNS} FROM resource_routes ORDER BY tenant_id, kind, env, project_id LIMIT ${ROUTES_MAX + 1}`,
    );
    if (rows.length > ROUTES_MAX) throw new Error(`There are more than ${ROUTES_MAX} routes.`);
    this.routes = new Map(rows.map((route) => [keyOf(route), route]));
  }
}
