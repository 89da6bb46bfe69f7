import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  chmodSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkDocuments } from '../../deploy/local/demo/demo.ts';
import { ROOT } from '../../deploy/local/folders.ts';

const START_MAX_MS = 240_000;
const GONE_MAX_MS = 30_000;
const LOOK_MS = 100;

/** `npm start` as a person runs it: real Kafka, real PostgreSQL and all services, in a data folder of its own. */
describe('npm start', () => {
  const folder = mkdtempSync(join(tmpdir(), 'runspine-start-'));
  chmodSync(folder, 0o711);
  const data = join(folder, 'data');
  let first = '';

  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

  it(
    'records a run and shows it live, then stays until Ctrl-C and leaves no process',
    async () => {
      const started = start(data);
      await started.says('Ctrl-C stops all of it');
      first = runIdIn(started.output());
      expect(started.output()).toMatch(/#1 run\.created .*run_/);
      expect(started.output()).toMatch(/run\.completed/);
      expect(started.output()).toMatch(/check links +completed/);
      expect(started.output()).toMatch(/task completed +ingest +\d+ of \d+ documents, \d+ chunks/);
      expect(started.output().match(/step\.retrieved +ask/g)).toHaveLength(3);
      expect(started.output()).toMatch(/How is a run's partition decided\?.*\n +1\. \S+\.md › .*\d tenant\n/);
      expect(started.output()).toMatch(/Ask +curl -s http:\S+\/nexus\/spaces\/documents\/query -H/);
      expect(started.output()).toContain('Runs of this pipeline recorded here: 1');

      const gateway = /API +(http:\S+)\/v1\/runs/.exec(started.output())?.[1] ?? '';
      const failed = await recordBrokenLink(gateway, join(folder, 'documents'));
      expect(failed.status).toBe('failed');
      expect(failed.error.message).toBe(
        'README.md:3: docs/gide.md: there is no docs/gide.md; did you mean docs/guide.md?',
      );

      expect(await started.endedAfter('SIGINT')).toBe(0);
      expect(started.output()).toMatch(
        /Gateway stopped[\s\S]*Projector stopped[\s\S]*Kafka stopped[\s\S]*PostgreSQL stopped/,
      );
      expect(await leftOf(data)).toEqual([]);
    },
    START_MAX_MS,
  );

  it(
    'still has the earlier runs at the next start',
    async () => {
      const again = start(data, ['--once']);
      expect(await again.ended).toBe(0);
      expect(again.output()).toContain('Runs of this pipeline recorded here: 3');
      // What the run over other documents put into the space.
      expect(again.output()).toMatch(/removed +ingest +1 document that is no longer in the project: docs\/guide\.md\n/);
      expect(again.output()).toContain(first);
      expect(await leftOf(data)).toEqual([]);
    },
    START_MAX_MS,
  );

  it(
    'leaves no process when it is killed half-way, and starts again after it',
    async () => {
      const killed = start(data);
      await killed.says('Making topics and tables ready');
      process.kill(launcherOf(data), 'SIGKILL');
      await killed.ended;
      expect(await leftOf(data)).toEqual([]);

      const again = start(data, ['--once']);
      expect(await again.ended).toBe(0);
      expect(again.output()).toContain(first);
    },
    START_MAX_MS,
  );

  it('says what to do about a taken port, before anything slow begins', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const port = (server.address() as { port: number }).port;
    const refused = start(join(folder, 'other'), [], { RUNSPINE_PORT: String(port) });
    expect(await refused.ended).toBe(1);
    expect(refused.output()).toMatch(
      new RegExp(`Port ${port} on 127.0.0.1 is taken by another program[\\s\\S]*RUNSPINE_PORT=\\d+ npm start`),
    );
    expect(existsSync(join(folder, 'other'))).toBe(false);
    server.close();
  });

  it('says what to do about data of another PostgreSQL', async () => {
    const other = join(folder, 'old');
    mkdirSync(join(other, 'postgres'), { recursive: true });
    writeFileSync(join(other, 'postgres', 'PG_VERSION'), '15\n');
    const refused = start(other, ['--once']);
    expect(await refused.ended).toBe(1);
    expect(refused.output()).toMatch(/holds data of PostgreSQL 15[\s\S]*mv .*old/);
    expect(await leftOf(other)).toEqual([]);
  });
});

/** What the test under way has started, so that one that fails leaves nothing to the next. */
const stops: (() => Promise<unknown>)[] = [];

/** Starts it on a free port, without the servers that this test's own run was given. */
function start(dataDir: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const child: ChildProcess = spawn(
    process.execPath,
    [join(ROOT, 'deploy', 'local', 'bootstrap.mjs'), 'start', ...args],
    {
      cwd: ROOT,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        JAVA_HOME: process.env.JAVA_HOME,
        RUNSPINE_DATA_DIR: dataDir,
        RUNSPINE_PORT: '0',
        RUNSPINE_PROJECTOR_PORT: '0',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (output += chunk));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  let isOver = false;
  void ended.then(() => (isOver = true));
  stops.push(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  return {
    output: () => output,
    ended,
    async says(text: string) {
      while (!output.includes(text)) {
        if (isOver) throw new Error(`It ended without saying "${text}":\n${output}`);
        await sleep(LOOK_MS);
      }
    },
    endedAfter(signal: NodeJS.Signals) {
      child.kill(signal);
      return ended;
    },
  };
}

const runIdIn = (output: string): string => /run_[0-9a-f]{32}/.exec(output)?.[0] ?? '';

/** The demonstration over documents of which one link is broken, and its run as the API shows it. */
async function recordBrokenLink(gateway: string, root: string) {
  mkdirSync(join(root, 'docs'), { recursive: true });
  writeFileSync(join(root, 'docs', 'guide.md'), '# Guide\n');
  writeFileSync(join(root, 'README.md'), '# Title\n\nSee the [guide](docs/gide.md) and [itself](#title).\n');
  await checkDocuments({ gateway, root });
  const answer = await fetch(`${gateway}/v1/runs?status=failed`);
  const { items } = (await answer.json()) as { items: { status: string; error: { message: string } }[] };
  if (!items[0]) throw new Error('No failed run was recorded.');
  return items[0];
}

/** The process that a start's lock names. */
function launcherOf(dataDir: string): number {
  const holder = JSON.parse(readFileSync(join(dataDir, 'start.lock'), 'utf8')) as { processes: { pid: number }[] };
  return holder.processes[0]?.pid ?? 0;
}

/** What still runs of a start a while after its end: all that it starts carries the data folder in its environment. */
async function leftOf(dataDir: string): Promise<string[]> {
  const deadline = Date.now() + GONE_MAX_MS;
  for (;;) {
    const left = process.platform === 'linux' ? runningWith(`RUNSPINE_DATA_DIR=${dataDir}`) : [];
    if (left.length === 0 || Date.now() > deadline) return left;
    await sleep(LOOK_MS);
  }
}

function runningWith(setting: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const settings = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
        return settings.includes(setting)
          ? [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`]
          : [];
      } catch {
        return [];
      }
    });
}
