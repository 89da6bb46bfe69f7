import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Child, Children } from './children.ts';
import { runQuietly } from './commands.ts';
import { KAFKA_LIBS } from './engines.mjs';
import { ROOT, tailOf, type Folders } from './folders.ts';
import { lock } from './lock.mjs';
import type { PortMemory } from './ports.ts';
import { kafkaAnswers, waitUntil } from './probes.ts';
import { Advice, step } from './terminal.mjs';

const VERSION = '4.3.0';
const FETCH_MAX_MS = 10 * 60_000;
const READY_MAX_MS = 90_000;
const GRACE_MS = 20_000;
const STARTS_MAX = 3;
const HOST = '127.0.0.1';

/** Brings Kafka's jars here with Maven, once for all data folders; two that fetch at once wait for one another. */
export async function fetchKafka(onChild: (pid: number) => void = () => undefined): Promise<void> {
  const libs = join(ROOT, KAFKA_LIBS);
  if (existsSync(libs)) return;
  const held = await lock(`${libs}.lock`, { waitMs: FETCH_MAX_MS });
  try {
    if (existsSync(libs)) return;
    const partial = `${libs}.partial`;
    rmSync(partial, { recursive: true, force: true });
    await step(`Fetching Kafka ${VERSION} with Maven (once, 44 MB)`, () =>
      maven(['dependency:copy-dependencies', `-DoutputDirectory=${partial}`, '-DincludeScope=runtime'], (pid) => {
        held.share(pid);
        onChild(pid);
      }),
    );
    renameSync(partial, libs);
  } finally {
    held.release();
  }
}

/** A Kafka broker of one node on this data folder, ready to serve. */
export async function startKafka(
  children: Children,
  { java, folders, ports }: { java: string; folders: Folders; ports: PortMemory },
): Promise<{ child: Child; brokers: string }> {
  const home = join(folders.data, 'kafka');
  const log = join(folders.logs, 'kafka.log');
  refuseOtherVersion(home);
  mkdirSync(home, { recursive: true });
  for (let starts = 1; ; starts++) {
    const port = await ports.choose('kafka');
    const config = writeConfig(home, port, await ports.choose('kafka-controller'));
    if (!existsSync(join(home, 'data', 'meta.properties'))) await format(java, home, config);
    const child = children.start({
      name: 'kafka',
      command: java,
      args: [...javaArgs(), 'kafka.Kafka', config],
      log,
      stopSignal: 'SIGTERM',
      graceMs: GRACE_MS,
    });
    try {
      await waitUntil(() => kafkaAnswers(HOST, port), { child, waitMs: READY_MAX_MS });
      return { child, brokers: `${HOST}:${port}` };
    } catch (error) {
      await child.stop();
      if (starts >= STARTS_MAX || !/Address already in use/.test(tailOf(log, 200))) throw error;
    }
  }
}

function javaArgs(): string[] {
  const logging = join(ROOT, 'deploy', 'local', 'kafka', 'log4j2.properties');
  return [
    '-Xms256m',
    '-Xmx512m',
    '-XX:+UseSerialGC',
    '-Djava.awt.headless=true',
    `-Dlog4j2.configurationFile=${logging}`,
    '-cp',
    join(ROOT, KAFKA_LIBS, '*'),
  ];
}

/** Half a format leaves no meta.properties: it is done again over what is there. */
async function format(java: string, home: string, config: string): Promise<void> {
  rmSync(join(home, 'data'), { recursive: true, force: true });
  const uuid = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const args = [...javaArgs(), 'kafka.tools.StorageTool', 'format', '-t', uuid, '-c', config];
  await runQuietly(java, args, { maxMs: READY_MAX_MS }).catch((error: Error) => {
    throw new Advice(`Kafka's storage could not be formatted. ${error.message}`);
  });
  writeFileSync(join(home, 'version'), `${VERSION}\n`);
}

function writeConfig(home: string, port: number, controllerPort: number): string {
  const path = join(home, 'server.properties');
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@${HOST}:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://${HOST}:${port},CONTROLLER://${HOST}:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${HOST}:${port}`,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'auto.create.topics.enable': false,
    'offsets.topic.replication.factor': 1,
    // A handful of clients: more threads take the cores from the services.
    'num.network.threads': 1,
    'num.io.threads': 2,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'log.dirs': join(home, 'data'),
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

/** Kafka reads what an older one wrote, not what a newer one did. */
function refuseOtherVersion(home: string): void {
  const path = join(home, 'version');
  if (!existsSync(path)) return;
  const found = readFileSync(path, 'utf8').trim();
  if (found === VERSION) return;
  const [major = 0, minor = 0] = found.split('.').map(Number);
  const [ownMajor = 0, ownMinor = 0] = VERSION.split('.').map(Number);
  if (major === ownMajor && minor < ownMinor) return writeFileSync(path, `${VERSION}\n`);
  throw new Advice(
    `${home} holds data of Kafka ${found}; this is Kafka ${VERSION}, which cannot read it.\n` +
      `Use the checkout of Runspine that wrote it, or begin afresh (the database belongs to that log, so all of it):\n` +
      `  mv ${join(home, '..')} ${join(home, '..')}-kafka-${found}`,
  );
}

function maven(args: string[], onPid: (pid: number) => void): Promise<string> {
  const pom = join(ROOT, 'deploy', 'local', 'kafka', 'pom.xml');
  return runQuietly('mvn', ['-q', '-B', '-f', pom, ...args], { maxMs: FETCH_MAX_MS, onPid }).catch((error: Error) => {
    throw new Advice(`Maven could not fetch Kafka; run this again when the network is there. ${error.message}`);
  });
}
