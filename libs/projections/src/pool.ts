import pg from 'pg';

/** The roles that services take; migrations make them. */
export type ServiceRole = 'runspine_gateway' | 'runspine_projector' | 'runspine_nexus';

export interface PoolOptions {
  /** postgres:// address; its login must be a member of the role. */
  databaseUrl: string;
  role: ServiceRole;
  /** Largest number of connections. @default 10 */
  connectionsMax?: number;
  /** How long a connection may take to open, milliseconds. @default 5000 */
  connectTimeoutMs?: number;
  /** How long one statement may take, milliseconds; its answer is waited for 5 s longer. @default 30000 */
  statementTimeoutMs?: number;
  /**
   * How long a transaction may wait for its process, milliseconds: one that sleeps or is cut off must not hold its rows
   * against the process that took its work over. @default 5000
   */
  idleInTransactionMs?: number;
  applicationName?: string;
}

/** Raised when a service would run with rights that the design forbids; its message has the GRANT to run. */
export class RoleRefused extends Error {
  override readonly name = 'RoleRefused';
}

/**
 * A pool whose every connection is in the role from its first moment: the role is a start-up parameter, so that a
 * login that may not take it gets no connection at all, rather than one with the login's own rights.
 */
export function openPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool(poolConfig(options));
  // A connection that dies while idle is replaced at the next query; without a listener it would end the process. So
  // would one that dies while it is lent, between two queries: the next one fails, and says so.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** One connection of its own, in the role as those of {@link openPool}: for what must stay on one, such as LISTEN. */
export function newClient(options: Omit<PoolOptions, 'connectionsMax'>): pg.Client {
  return new pg.Client(poolConfig(options));
}

/** The projector's statements take arrays of any length and need one plan each, made once a connection. */
const ONE_PLAN = '-c plan_cache_mode=force_generic_plan';

/**
 * How much longer than PostgreSQL itself a connection waits for an answer, milliseconds: a server that vanished without a
 * word, or a way to it that swallows all, would be waited for until the kernel gives up, a quarter of an hour later.
 */
const SILENCE_MS = 5000;
/** How long a connection is quiet before the kernel asks whether the other end is there, milliseconds. */
const KEEP_ALIVE_MS = 10_000;

/** The configuration of {@link openPool}, for libraries that make their own pool. */
export function poolConfig(options: PoolOptions): pg.PoolConfig {
  const statementMs = options.statementTimeoutMs ?? 30_000;
  return {
    connectionString: options.databaseUrl,
    max: options.connectionsMax ?? 10,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5000,
    statement_timeout: statementMs,
    query_timeout: statementMs + SILENCE_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    idle_in_transaction_session_timeout: options.idleInTransactionMs ?? 5000,
    application_name: options.applicationName ?? options.role,
    options: `-c role=${options.role} -c timezone=UTC ${options.role === 'runspine_projector' ? ONE_PLAN : ''}`,
    types: spineTypes,
  };
}

/** Times as RFC 3339 text with milliseconds, 64-bit integers as numbers, everything else as pg has it. */
export const spineTypes: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (format !== 'binary' && oid === 1184) return parseTime;
    if (format !== 'binary' && oid === 20) return Number;
    return pg.types.getTypeParser(oid, format as 'text');
  }) as pg.CustomTypesConfig['getTypeParser'],
};

/** `2026-01-31 12:00:00.5+00` → `2026-01-31T12:00:00.500Z`; connections are in UTC. */
function parseTime(text: string): string {
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${text.slice(20, -3).padEnd(3, '0').slice(0, 3)}Z`;
}

/**
 * Refuses a role that owns the tables or that row-level security does not hold.
 * @throws RoleRefused with what to run.
 */
export async function assertRestricted(pool: pg.Pool, role: ServiceRole): Promise<void> {
  const { rows } = await connectChecked(pool, role);
  const state = rows[0];
  if (!state || state.name !== role || state.bypasses || state.owns) {
    throw new RoleRefused(
      `The service must run as ${role}, without owning its tables or bypassing row-level security; ` +
        `it runs as ${state?.name ?? 'nobody'}. Run as the owner: ALTER ROLE ${role} NOSUPERUSER NOBYPASSRLS; ` +
        `ALTER TABLE … OWNER TO another role; GRANT ${role} TO <login>.`,
    );
  }
  if (role === 'runspine_projector' && !state.may_erase) {
    throw new RoleRefused(
      'The login of DATABASE_URL may not take the role runspine_eraser, which run.erased needs. ' +
        'Run as the owner: GRANT runspine_eraser TO <login> WITH SET TRUE.',
    );
  }
}

interface RoleState {
  name: string;
  may_erase: boolean;
  bypasses: boolean;
  owns: boolean;
}

async function connectChecked(pool: pg.Pool, role: ServiceRole): Promise<pg.QueryResult<RoleState>> {
  try {
    return await pool.query<RoleState>(
      `SELECT current_user::text AS name, pg_has_role(session_user, 'runspine_eraser', 'SET') AS may_erase,
              (rolsuper OR rolbypassrls) AS bypasses,
              EXISTS (SELECT FROM pg_class WHERE relname IN ('run_events', 'proj_runs', 'resource_routes') AND relowner = pg_roles.oid) AS owns
         FROM pg_roles WHERE rolname = current_user`,
    );
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === '42501' || code === '22023') {
      throw new RoleRefused(
        `The login of DATABASE_URL may not take the role ${role}. Run as the owner: GRANT ${role} TO <login> WITH SET TRUE; after the migrations have made it.`,
        { cause: error },
      );
    }
    throw error;
  }
}
