import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Child, Children } from './children.ts';
import { runQuietly } from './commands.ts';
import { ROOT, type Folders } from './folders.ts';
import { answersOk, logOf, waitUntil } from './probes.ts';
import { serviceEnv, serviceFlags } from './service-flags.ts';
import { Advice } from './terminal.mjs';

const SETUP_MAX_MS = 120_000;
const READY_MAX_MS = 60_000;
const DRAIN_DEFAULT_MS = 10_000;
const QUIET = ['--disable-warning=ExperimentalWarning', '--disable-warning=TimeoutNegativeWarning'];

/** A service that is ready, and where it listens. */
export interface Service {
  child: Child;
  address: string;
}

/** Creates topics and tables, or leaves them as they are. */
export async function setUp(env: NodeJS.ProcessEnv, folders: Folders): Promise<void> {
  const log = join(folders.logs, 'setup.log');
  try {
    writeFileSync(
      log,
      await runQuietly(process.execPath, [...QUIET, mainOf('projector', 'setup')], { env, maxMs: SETUP_MAX_MS }),
    );
  } catch (error) {
    writeFileSync(log, (error as Error).message);
    throw new Advice(`Topics and tables could not be made ready (${log}). ${(error as Error).message}`);
  }
}

export type ServiceName = 'projector' | 'gateway' | 'nexus';

/** Where each service's port is set, and an example of another one. */
const PORTS: Readonly<Record<ServiceName, { setting: string; other: number }>> = {
  gateway: { setting: 'RUNSPINE_PORT', other: 8090 },
  projector: { setting: 'RUNSPINE_PROJECTOR_PORT', other: 8091 },
  nexus: { setting: 'RUNSPINE_NEXUS_PORT', other: 8092 },
};

/** Starts a service and waits until it says that it is ready. */
export async function startService(
  children: Children,
  name: ServiceName,
  { env, folders }: { env: NodeJS.ProcessEnv; folders: Folders },
): Promise<Service> {
  const drainMs = Number(env.RUNSPINE_DRAIN_MS) || DRAIN_DEFAULT_MS;
  const child = children.start({
    name,
    command: process.execPath,
    args: [...QUIET, ...serviceFlags(name), mainOf(name, 'main')],
    env: { ...serviceEnv(name), ...env },
    cwd: ROOT,
    log: join(folders.logs, `${name}.log`),
    stopSignal: 'SIGTERM',
    graceMs: drainMs + 3000,
  });
  let address: string | undefined;
  const ready = async () => {
    address ??= addressIn(child.log ?? '');
    return address !== undefined && (await answersOk(`${address}/health/ready`));
  };
  try {
    await waitUntil(ready, { child, waitMs: READY_MAX_MS });
  } catch (error) {
    if (!/EADDRINUSE/.test(logOf(child))) throw error;
    const { setting, other } = PORTS[name];
    throw new Advice(
      `Port ${env[setting]} was taken meanwhile. Start again, or choose another one: ${setting}=${other} npm start`,
    );
  }
  return { child, address: address ?? '' };
}

const mainOf = (service: string, file: string) => join(ROOT, 'apps', service, 'dist', `${file}.js`);

/** A service logs where it listens, as one line of JSON: the port may be any. */
function addressIn(log: string): string | undefined {
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    if (!line.includes('"listening"')) continue;
    try {
      const entry = JSON.parse(line) as { msg?: string; address?: string };
      if (entry.msg === 'listening' && entry.address) return entry.address;
    } catch {
      // The line is still being written.
    }
  }
  return undefined;
}
