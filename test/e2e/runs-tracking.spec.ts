import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startStack, type Stack } from '../stack/stack.js';

// Real: everything, the shell included. `npx` is the one word that is not: it would cost a second a line.

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NPX = `npx() { shift; "$NODE" "${ROOT}apps/cli/bin/runspine.js" "$@"; }\nnode() { "$NODE" "$@"; }\n`;
let stack: Stack;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'runspine-tracking-'));
  stack = await startStack({ gateways: 1 });
}, 120_000);
afterAll(async () => {
  await stack.close();
  rmSync(folder, { recursive: true, force: true });
});

function shell(script: string, cwd: string) {
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    LANG: 'C.UTF-8',
    NODE: process.execPath,
    RUNSPINE_ADDRESS: stack.gateways[0]!.address,
    RUNSPINE_CONFIG: '/nonexistent/config.json',
  };
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile('bash', ['--norc', '--noprofile', '-c', NPX + script], { cwd, env, timeout: 120_000 }, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? -1) : 0, out, err }),
    );
  });
}

it('docs/observability/runs-tracking.md has lines that do what it says, one after the other', async () => {
  // In a repository without changes, as checkpoints need it.
  const cwd = join(folder, 'repository');
  const example = 'examples/data-pipeline';
  cpSync(join(ROOT, example), join(cwd, example), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args], { cwd });
  git('init', '--quiet');
  git('add', '.');
  git('commit', '--quiet', '-m', 'A pipeline');

  const page = readFileSync(join(ROOT, 'docs/observability/runs-tracking.md'), 'utf8');
  const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, lines]) => lines!);
  const { code, out, err } = await shell(`set -eu\n${blocks.join('echo -----\n')}`, cwd);
  const [first, second, third, tail, explained, differs, all, again] = out.split('-----\n');
  expect([code, err]).toEqual([
    0,
    expect.stringContaining('The pipeline failed: rates-february.json has no rate for SEK'),
  ]);
  expect(first!.match(/executed$/gm)).toHaveLength(3);
  expect(second!.match(/from its checkpoint$/gm)).toHaveLength(3);
  expect(third).toBe('extract  6 rows, from its checkpoint\nexit 1\n');
  expect(tail).toMatch(
    /failed +nightly orders.*\n.*completed +extract .*checkpoint.*\n.*failed +convert .*no rate for SEK/,
  );
  expect(explained).toMatch(
    /nightly orders → convert → step convert SEK[\s\S]*rates-january\.json\n +\+ rates-february\.json/,
  );
  expect(explained).toContain('input.rates.SEK\n    - 0.09');
  expect(explained).not.toContain('convert USD');
  expect(differs).toMatch(/config\.rates[\s\S]*status\n +- completed\n +\+ failed[\s\S]*Steps/);
  expect(all).toMatch(/First failure[\s\S]*run\.failed/);
  expect(again).toBe('extract  6 rows, from its checkpoint\nexit 1\n');
  expect(err).toMatch(/command .*--rates rates-february\.json\n[\s\S]*Recorded as run_/);
});

it('shows how a run ended whose process died of its error, though nothing sent that', async () => {
  const uncaught = `import { trackRun } from '@runspine/client'; await trackRun({ name: 'nightly' }, () => { throw new Error('disk full'); });`;
  const died = await shell(`node --input-type=module -e '${uncaught.replaceAll("'", `'\\''`)}'`, folder);
  expect(died).toMatchObject({ code: 1, err: expect.stringContaining('Error: disk full') });

  const { out, err } = await shell('npx runspine runs tail -n 1', folder);
  expect(out).toMatch(/failed +nightly .*disk full/);
  expect(err).toBe('Sent 3 events of 1 run that ended processes had left on disk.\n');
});
