import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pg from 'pg';
import type { Child, Children } from './children.ts';
import { runQuietly } from './commands.ts';
import { tailOf, type Folders } from './folders.ts';
import type { PortMemory } from './ports.ts';
import { findPostgresHome, type PostgresHome } from './postgres-home.ts';
import { isAlive } from './processes.mjs';
import { waitUntil } from './probes.ts';
import { Advice } from './terminal.mjs';

const MAJOR = '18';
const HOST = '127.0.0.1';
const USER = 'postgres';
const DATABASE = 'runspine';
const INITDB_MAX_MS = 120_000;
/** Recovery after a crash replays the log before it answers. */
const READY_MAX_MS = 120_000;
const GRACE_MS = 20_000;
const STARTS_MAX = 3;

/** What PostgreSQL is started with. */
export interface PostgresOptions {
  folders: Folders;
  ports: PortMemory;
  password: string;
  /** False in tests only: faster, and a power cut may damage the data. @default true */
  durable?: boolean;
}

/** PostgreSQL 18 on this data folder, ready, with the database there. `data` is where the data lies. */
export async function startPostgres(
  children: Children,
  { folders, ports, password, durable = true }: PostgresOptions,
): Promise<{ child: Child; url: string; data: string }> {
  const home = findPostgresHome(folders.data);
  refuseOtherVersion(home.data, folders.data);
  if (!existsSync(join(home.data, 'PG_VERSION'))) await initialise(home, password);
  clearStalePid(home.data);
  const log = join(folders.logs, 'postgres.log');
  for (let starts = 1; ; starts++) {
    const port = await ports.choose('postgres');
    const child = children.start({
      name: 'postgres',
      command: join(home.bin, 'postgres'),
      args: ['-D', home.data, '-p', String(port), ...settings(durable)],
      env: { ...process.env, LC_ALL: 'C' },
      cwd: '/',
      log,
      ...home.user,
      stopSignal: 'SIGINT',
      killSignal: 'SIGQUIT',
      graceMs: GRACE_MS,
    });
    const url = (database: string) => `postgres://${USER}:${password}@${HOST}:${port}/${database}`;
    try {
      await waitUntil(() => createDatabase(url('postgres'), home.data), { child, waitMs: READY_MAX_MS });
      return { child, url: url(DATABASE), data: home.data };
    } catch (error) {
      await child.stop();
      if (starts >= STARTS_MAX || !/Address already in use/.test(tailOf(log, 50))) throw error;
    }
  }
}

/** Whether a PostgreSQL server answers at this address; otherwise what it said. */
export async function databaseFault(url: string): Promise<string | undefined> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return undefined;
  } catch (error) {
    return (error as Error).message || String((error as NodeJS.ErrnoException).code);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function settings(durable: boolean): string[] {
  const values = {
    listen_addresses: HOST,
    // TCP only: a socket file would need a folder that is writable, short of path and nobody else's.
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: '256MB',
    log_timezone: 'UTC',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Made beside and moved into place when it is whole: half a cluster is never started. */
async function initialise({ bin, data, user }: PostgresHome, password: string): Promise<void> {
  const partial = `${data}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true, mode: 0o700 });
  const passwordFile = join(partial, '..', `postgres-password-${process.pid}`);
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (user) for (const path of [partial, passwordFile]) chownSync(path, user.uid, user.gid);
  const args = ['-D', partial, '-U', USER, '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--encoding=UTF8'];
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-sync'];
  try {
    await runQuietly(join(bin, 'initdb'), [...args, ...locale], {
      ...user,
      cwd: '/',
      env: { ...process.env, LC_ALL: 'C' },
      maxMs: INITDB_MAX_MS,
    });
  } catch (error) {
    throw new Advice(`PostgreSQL's data folder could not be made. ${(error as Error).message}`);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(partial, data);
}

async function createDatabase(url: string, data: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
    return true;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== '28P01') return false;
    throw new Advice(
      `PostgreSQL's data (${data}) and the password in secrets.json do not belong together (${message}).\n` +
        'Put back the one that was replaced; or, to begin afresh, move both of them and the Kafka data away.',
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** PostgreSQL holds back when the number in its pid file is in use, even by a process that is not PostgreSQL. */
function clearStalePid(data: string): void {
  const path = join(data, 'postmaster.pid');
  if (!existsSync(path)) return;
  const pid = Number(readFileSync(path, 'utf8').split('\n')[0]);
  if (!(pid > 0) || !isAlive(pid) || !commandOf(pid).includes('postgres')) return rmSync(path, { force: true });
  throw new Advice(`A PostgreSQL server already runs on ${data}, as process ${pid}. Stop it first: kill -INT ${pid}`);
}

/** The command line of a process, where the system tells it; "postgres" where it does not, to be on the safe side. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return 'postgres';
  }
}

function refuseOtherVersion(data: string, dataDir: string): void {
  const path = join(data, 'PG_VERSION');
  if (!existsSync(path)) return;
  const found = readFileSync(path, 'utf8').trim();
  if (found === MAJOR) return;
  throw new Advice(
    `${data} holds data of PostgreSQL ${found}; this is PostgreSQL ${MAJOR}, which cannot read it.\n` +
      `To keep it, dump it with PostgreSQL ${found} (pg_dump) first. To begin afresh:\n` +
      `  mv ${dataDir} ${dataDir}-postgres-${found}` +
      (dirname(data) === dataDir ? '' : ` && mv ${data} ${data}-${found}`),
  );
}
