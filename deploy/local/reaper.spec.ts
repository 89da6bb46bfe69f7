import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { isAlive } from './processes.mjs';

const REAPER = fileURLToPath(new URL('reaper.mjs', import.meta.url));
const GONE_MAX_MS = 15_000;

/** Starts a child, and is killed before it can tell the reaper of it. */
const LAUNCHER = `
  import { spawn } from 'node:child_process';
  const mark = 'RUNSPINE_LAUNCH=spec-' + process.pid;
  const reaper = spawn(process.execPath, [${JSON.stringify(REAPER)}], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  reaper.stdin.write(JSON.stringify({ mark }) + '\\n', () => {
    const [name, value] = mark.split('=');
    const env = { ...process.env, [name]: value };
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore', env });
    process.stdout.write(child.pid + '\\n', () => process.kill(process.pid, 'SIGKILL'));
  });
`;

(process.platform === 'linux' ? it : it.skip)(
  'ends a child that its launcher, killed, had no time to tell of',
  async () => {
    const launcher = spawn(process.execPath, ['--input-type=module', '-e', LAUNCHER], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    launcher.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await once(launcher, 'close');
    const pid = Number(output);
    expect(pid).toBeGreaterThan(1);
    const deadline = Date.now() + GONE_MAX_MS;
    while (isAlive(pid) && Date.now() < deadline) await sleep(50);
    expect(isAlive(pid)).toBe(false);
  },
  2 * GONE_MAX_MS,
);
