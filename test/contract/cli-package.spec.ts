import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

/** The packed command line in an empty folder, as those who install it have it. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
let folder: string;

const env = { ...process.env, NODE_OPTIONS: '', npm_config_workspace: undefined, npm_config_prefix: undefined };
const npm = (args: string[], cwd: string) =>
  run('npm', [...args, '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], {
    cwd,
    env: env as NodeJS.ProcessEnv,
  });
const npx = (args: string[], cwd: string) =>
  run('npx', ['--no-install', 'runspine', ...args], { cwd, env: env as NodeJS.ProcessEnv });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'runspine-package-'));
  for (const part of ['libs/client', 'apps/cli']) await npm(['pack', '--pack-destination', folder], join(ROOT, part));
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  writeFileSync(join(folder, 'package.json'), '{"name":"empty","private":true}');
  await npm(['install', ...tarballs.map((name) => `./${name}`)], folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the packed command line', () => {
  it('runs where it was installed', async () => {
    expect((await npx(['--help'], folder)).stdout).toContain('runspine runs explain');
    const away = npx(['runs', 'tail', '--address', 'http://127.0.0.1:9'], folder);
    await expect(away).rejects.toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/Nothing answers[\s\S]*`npx runspine config set/),
    });
  });

  it('runs in the repository', async () => {
    expect((await npx(['--version'], ROOT)).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('brings no sources, tests or maps, and few packages', () => {
    const files = readdirSync(join(folder, 'node_modules/@runspine/cli'), { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => /\.spec\.|\.fixture\.|\.map$|buildinfo|^src|\.d\.ts$/.test(name))).toEqual([]);
    expect(readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.')).length).toBeLessThan(16);
  });
});
