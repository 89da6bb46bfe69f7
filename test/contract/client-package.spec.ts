import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

/** The packed client in an empty project, as those who install it have it. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
let folder: string;

/** The npm beside the pinned runtime's caller; quiet, and never asking anybody anything. */
const npm = (args: string[], cwd: string) =>
  run('npm', [...args, '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], {
    cwd,
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      npm_config_workspace: undefined,
      npm_config_prefix: undefined,
    } as NodeJS.ProcessEnv,
  });
const node = (...args: string[]) =>
  run(process.execPath, args, { cwd: folder, env: { ...process.env, NODE_OPTIONS: '' } });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'runspine-package-'));
  await npm(['pack', '--pack-destination', folder], join(ROOT, 'libs/client'));
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  writeFileSync(join(folder, 'package.json'), '{"name":"empty","private":true}');
  await npm(['install', `./${tarball}`], folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const USE = `
  const error = await createClient({ address: 'http://127.0.0.1:1', retries: { attempts: 0 } }).runs.get('run_x').catch((one) => one);
  const log = new RunLog();
  log.emit('workflow_started', {});
  const tracker = new Tracker({ enabled: false });
  const output = await tracker.trackStage({ stage: 's' }, () => 42);
  console.log(JSON.stringify([error instanceof RunspineError, error.code, log.size, output]));`;
const EXPECTED = [true, 'client.unreachable', 1, 42];

describe('the packed client', () => {
  it('is used from ESM', async () => {
    writeFileSync(
      join(folder, 'use.mjs'),
      `import { createClient, RunLog, RunspineError, Tracker } from '@runspine/client';${USE}`,
    );
    expect(JSON.parse((await node('use.mjs')).stdout)).toEqual(EXPECTED);
  });

  it('is used from CommonJS', async () => {
    writeFileSync(
      join(folder, 'use.cjs'),
      `const { createClient, RunLog, RunspineError, Tracker } = require('@runspine/client'); (async () => {${USE}})();`,
    );
    expect(JSON.parse((await node('use.cjs')).stdout)).toEqual(EXPECTED);
  });

  it('shares the run that the code is part of between both', async () => {
    writeFileSync(
      join(folder, 'both.mjs'),
      `import { createRequire } from 'node:module'; import { Tracker } from '@runspine/client';
      const { currentRun } = createRequire(import.meta.url)('@runspine/client');
      await new Tracker({ enabled: false }).trackRun({}, (run) => console.log(currentRun() === run));`,
    );
    expect((await node('both.mjs')).stdout.trim()).toBe('true');
  });

  it.each(['use.mts', 'use.cts'])('has types for %s', async (name) => {
    writeFileSync(
      join(folder, name),
      `import { createClient, type Run, trackStage } from '@runspine/client';
      export const status: Promise<Run['status']> = createClient().runs.get('x').then((run) => run.status);
      export const output: Promise<number> = trackStage({ stage: 's' }, (run) => run.log.emit('workflow_started', {}));
      // @ts-expect-error there is no such kind
      export const wrong = trackStage({ stage: 's' }, (run) => run.log.emit('workflow_paused', {}));`,
    );
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const types = ['--typeRoots', join(ROOT, 'node_modules/@types'), '--types', 'node'];
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022', ...types];
    await expect(node(tsc, ...options, name)).resolves.toMatchObject({ stdout: '' });
  });

  it('brings one package with it, and no sources, tests or maps', () => {
    const installed = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'));
    expect(installed.toSorted()).toEqual(['@runspine', 'eventsource-parser']);
    const files = readdirSync(join(folder, 'node_modules/@runspine/client'), { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => /\.spec\.|\.fixture\.|\.map$|buildinfo|^src/.test(name))).toEqual([]);
    expect(new Set(files.map((name) => dirname(name).split('/')[0]))).toEqual(new Set(['.', 'dist', 'cjs']));
  });
});
