import { beforeAll, expect, it } from '@jest/globals';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Real processes: signals and exit codes are what is promised. They run the compiled library. */
const root = fileURLToPath(new URL('../../..', import.meta.url));
const library = pathToFileURL(join(root, 'libs/service/dist/index.js')).href;
const env = { PATH: process.env.PATH, KAFKA_BROKERS: 'localhost:1', DATABASE_URL: 'postgres://localhost/x' };

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b', join(root, 'libs/service')]);
});

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function run(
  start: string,
  extra: Record<string, string> = {},
): { child: ChildProcess; ready: Promise<void>; ended: Promise<Ended> } {
  const script = `
    import { coreSettings, runService } from ${JSON.stringify(library)};
    import { setTimeout as delay } from 'node:timers/promises';
    setInterval(() => undefined, 1000);
    await runService({ name: 'trial', settings: coreSettings, start: async ({ logger, health, fatal }) => { ${start} } });
    console.log('up');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env: { ...env, ...extra } });
  const output = { stdout: '', stderr: '' };
  child.stderr.on('data', (chunk) => (output.stderr += String(chunk)));
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk) => {
      output.stdout += String(chunk);
      if (output.stdout.includes('up\n')) resolve();
    });
  });
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, ...output })));
  return { child, ready, ended };
}

it.each(['SIGTERM', 'SIGINT'] as const)('drains on %s and exits 0', async (signal) => {
  const { child, ready, ended } = run(
    `return async () => { await delay(50); logger.info({ draining: health.draining }, 'finished'); };`,
  );
  await ready;
  child.kill(signal);

  const { code, stdout } = await ended;
  expect(code).toBe(0);
  expect(stdout).toContain('"draining":true,"msg":"finished"');
});

it('exits 0 when it is stopped before it could start', async () => {
  const { child, ready, ended } = run(
    `console.log('up'); while (!health.draining) await delay(10); throw new Error('never had its database');`,
  );
  await ready;
  child.kill('SIGTERM');

  expect(await ended).toMatchObject({ code: 0, stdout: expect.stringContaining('stopped before it had started') });
});

it('cuts a drain short that takes too long', async () => {
  const { child, ready, ended } = run(`return () => delay(60_000);`, { RUNSPINE_DRAIN_MS: '100' });
  await ready;
  child.kill('SIGTERM');

  expect(await ended).toMatchObject({ code: 0, stdout: expect.stringContaining('drain cut short') });
});

it('leaves at once on a second signal, but takes two in one breath for one', async () => {
  const { child, ready, ended } = run(`return () => delay(60_000);`);
  await ready;
  child.kill('SIGINT');
  await delay(20);
  child.kill('SIGTERM');
  await delay(500);
  expect(child.exitCode).toBeNull();
  child.kill('SIGINT');

  expect((await ended).code).toBe(130);
});

it('lists every fault of its settings on stderr before it does anything', async () => {
  const { ended } = run(`return async () => {};`, { KAFKA_BROKERS: '', RUNSPINE_LOG_LEVEL: 'loud' });

  expect(await ended).toEqual({
    code: 1,
    stdout: '',
    stderr:
      'trial: These settings need mending:\n' +
      '  KAFKA_BROKERS: is not set; wants host:port, more with commas between\n' +
      '  RUNSPINE_LOG_LEVEL: got "loud"; wants one of trace, debug, info, warn, error, fatal, silent\n',
  });
});

it.each([
  ['a start that throws', `throw new Error('no topics');`, 'could not start'],
  [
    'an unhandled rejection',
    `setTimeout(() => Promise.reject(new Error('lost'))); return async () => {};`,
    'unhandled',
  ],
  ['an uncaught exception', `setTimeout(() => { throw new Error('lost'); }); return async () => {};`, 'uncaught'],
  ['a fatal error', `setTimeout(() => fatal(new Error('crash'))); return async () => {};`, 'ended by a fatal error'],
])('logs %s and exits 1', async (_what, start, logged) => {
  const { code, stdout } = await run(start).ended;

  expect(code).toBe(1);
  expect(stdout).toContain('"level":"fatal"');
  expect(stdout).toContain(logged);
});
