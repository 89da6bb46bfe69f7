import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Children } from './children.ts';
import { runQuietly } from './commands.ts';
import { ROOT, type Folders } from './folders.ts';
import type { PortMemory } from './ports.ts';
import { waitUntil } from './probes.ts';
import { say, step } from './terminal.mjs';

/** Servers of stores for tests, built by Go from their sources at these versions, once. */
const VERSITYGW = { module: 'github.com/versity/versitygw/cmd/versitygw', version: 'v1.8.0' };
const FAKE_GCS = { module: 'github.com/fsouza/fake-gcs-server', version: 'v1.56.1' };
const TOOLS = join(ROOT, '.runspine', 'tools');
const BUILD_MAX_MS = 10 * 60_000;
const READY_MAX_MS = 20_000;
/** Of a server that only this machine reaches, for the time of a test. */
const KEY = { id: 'runspine', secret: 'runspine-test' };

/**
 * Stores for tests: an S3 server and one of Google Cloud Storage. Gives the variables by which tests find them. Those
 * that are set already are kept; a server that cannot be had here is left out, and says so: its tests are skipped.
 */
export async function startTestStores(
  children: Children,
  { folders, ports }: { folders: Folders; ports: PortMemory },
): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const start = async (variable: string, work: () => Promise<string>): Promise<void> => {
    if (process.env[variable]) return;
    try {
      found[variable] = await work();
    } catch (error) {
      say(`✗ ${variable}: tests that need it are SKIPPED. ${(error as Error).message.split('\n')[0]}`);
    }
  };
  await start('RUNSPINE_TEST_S3', () => startS3(children, { folders, ports }));
  await start('RUNSPINE_TEST_GCS', () => startGcs(children, { folders, ports }));
  if (!process.env.RUNSPINE_TEST_AZURE) say('✗ RUNSPINE_TEST_AZURE is not set: tests of blobs in Azure are SKIPPED.');
  return found;
}

async function startS3(children: Children, { folders, ports }: { folders: Folders; ports: PortMemory }) {
  const command = await built(VERSITYGW);
  const port = await ports.choose('s3');
  const [data, attributes] = ['s3-data', 's3-attributes'].map((name) => join(folders.data, name)) as [string, string];
  for (const folder of [data, attributes]) mkdirSync(folder, { recursive: true });
  const child = children.start({
    name: 's3',
    command,
    // Attributes beside the files: temporary folders need not have extended ones.
    args: ['--quiet', '--port', `127.0.0.1:${port}`, 'posix', '--sidecar', attributes, data],
    env: { ...process.env, ROOT_ACCESS_KEY: KEY.id, ROOT_SECRET_KEY: KEY.secret },
    log: join(folders.logs, 's3.log'),
    stopSignal: 'SIGTERM',
    graceMs: 3000,
  });
  await waitUntil(() => speaksHttp(port), { child, waitMs: READY_MAX_MS });
  return `http://${KEY.id}:${KEY.secret}@127.0.0.1:${port}`;
}

async function startGcs(children: Children, { folders, ports }: { folders: Folders; ports: PortMemory }) {
  const command = await built(FAKE_GCS);
  const port = await ports.choose('gcs');
  const address = `http://127.0.0.1:${port}`;
  const child = children.start({
    name: 'gcs',
    command,
    args: ['-backend=memory', '-scheme=http', '-host=127.0.0.1', `-port=${port}`, `-external-url=${address}`],
    log: join(folders.logs, 'gcs.log'),
    stopSignal: 'SIGTERM',
    graceMs: 3000,
  });
  await waitUntil(() => speaksHttp(port), { child, waitMs: READY_MAX_MS });
  return address;
}

/** Whatever the answer says. */
function speaksHttp(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1000) }).then(
    (answer) => answer.arrayBuffer().then(() => true),
    () => false,
  );
}

/** The path of a program, built the first time. */
async function built({ module, version }: { module: string; version: string }): Promise<string> {
  const name = module.slice(module.lastIndexOf('/') + 1);
  const path = join(TOOLS, `${name}-${version}`);
  if (existsSync(path)) return path;
  try {
    await runQuietly('go', ['version'], { maxMs: 20_000 });
  } catch {
    throw new Error('It is built by Go, which is not installed.');
  }
  const folder = `${path}.building-${process.pid}`;
  try {
    await step(`Building ${name} (once, a minute or two)`, () =>
      runQuietly('go', ['install', `${module}@${version}`], {
        env: { ...process.env, GOBIN: folder, GOFLAGS: '' },
        maxMs: BUILD_MAX_MS,
      }),
    );
    renameSync(join(folder, name), path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return path;
}
