import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { serviceEnv, serviceFlags } from '../../deploy/local/service-flags.ts';
import { createKafkaClient, type KafkaClient } from '@runspine/kafka';
import { createOwnDatabase } from '@runspine/projections/testing';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Kafka and PostgreSQL of this bench, with a database and a topic prefix that nobody else uses. */
export interface Bench {
  brokers: string[];
  prefix: string;
  databaseUrl: string;
  kafka: KafkaClient;
  env: Record<string, string>;
  close(): Promise<void>;
}

/** Makes the database; `close` drops it and the topics of the prefix. */
export async function openBench(): Promise<Bench> {
  const brokers = required('KAFKA_BROKERS').split(',');
  const database = await createOwnDatabase('bench', required('DATABASE_URL'));
  const kafka = createKafkaClient({ brokers, clientId: 'bench' });
  const prefix = `${database.name}.`;
  return {
    brokers,
    prefix,
    databaseUrl: database.url,
    kafka,
    env: {
      KAFKA_BROKERS: brokers.join(','),
      DATABASE_URL: database.url,
      RUNSPINE_TOPIC_PREFIX: prefix,
      RUNSPINE_JOURNAL_KEY: randomBytes(32).toString('hex'),
      RUNSPINE_SIGNING_KEY: randomBytes(32).toString('hex'),
      RUNSPINE_PROJECTOR_PORT: '0',
      RUNSPINE_PORT: '0',
      RUNSPINE_LOG_LEVEL: 'info',
    },
    async close() {
      const ours = (topic: string) => topic.startsWith(prefix);
      await kafka.withAdmin(async (admin) => {
        await admin.deleteTopics({ topics: (await admin.listTopics()).filter(ours) });
      });
      await database.drop();
    },
  };
}

/** A service of ours as its own process, started as `npm start` does. */
export interface RunningService {
  process: ChildProcess;
  address: string;
  /** Largest resident memory so far, MiB. */
  peakMiB(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts `apps/{name}/dist/main.js` and resolves when it listens and is ready. */
export async function startService(bench: Bench, name: 'gateway' | 'projector' | 'nexus'): Promise<RunningService> {
  const child = spawn(process.execPath, [...serviceFlags(name), `apps/${name}/dist/main.js`], {
    cwd: ROOT,
    env: { ...process.env, ...bench.env, ...serviceEnv(name) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  child.once('exit', () => process.off('exit', killWithUs));
  const address = await addressOf(child, name);
  await waitUntil(async () => (await fetch(`${address}/health/ready`)).status === 200, `${name} to be ready`);
  return {
    process: child,
    address,
    peakMiB: () => peakOf(child.pid!),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}

/** Runs a script of the repository to its end. */
export async function runScript(bench: Bench, path: string): Promise<void> {
  const child = spawn(process.execPath, [path], { cwd: ROOT, env: { ...process.env, ...bench.env }, stdio: 'ignore' });
  const [code] = (await once(child, 'exit')) as [number];
  if (code !== 0) throw new Error(`${path} ended with ${code}`);
}

/** Asks until it is true, five minutes at most. */
export async function waitUntil(condition: () => Promise<boolean>, what: string, everyMs = 50): Promise<void> {
  const deadlineMs = Date.now() + 300_000;
  while (!(await condition().catch(() => false))) {
    if (Date.now() > deadlineMs) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

async function addressOf(child: ChildProcess, name: string): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}: ${text.slice(-2000)}`)));
    child.stdout!.on('data', (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-10_000);
      const found = /"address":"(http[^"]+)"[^\n]*"msg":"listening"/.exec(text);
      if (found) resolve(found[1]!);
    });
  });
}

async function peakOf(pid: number): Promise<number> {
  const { readFile } = await import('node:fs/promises');
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024);
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the bench with npm run bench.`);
  return value;
}
