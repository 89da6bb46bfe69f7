import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { setInterval } from 'node:timers';
import { fileURLToPath } from 'node:url';

/**
 * What `npm start`, `npm test`, `npm run check` and `npm run bench` run first, on whatever Node the machine has: it
 * installs and builds where needed, then hands over to the pinned Node. Needs nothing but Node 20 and npm.
 */
const NODE_MAJOR_MIN = 20;
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const PARENT_LOOK_MS = 500;
const ENTRIES = { start: 'start.ts', servers: 'start.ts', test: 'test.ts', bench: 'bench.ts', check: 'check.mjs' };

const [command = 'start', ...given] = process.argv.slice(2);
let child;
let stopped;

if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  fail(
    `Runspine needs Node ${NODE_MAJOR_MIN} or newer to begin with; this is ${process.version}. Install it from https://nodejs.org or with your package manager.`,
  );
} else if (process.platform === 'win32') {
  fail('Runspine runs on Linux and macOS; on Windows use WSL (https://learn.microsoft.com/windows/wsl).');
} else if (command !== 'install' && !ENTRIES[command]) {
  fail(`Unknown command ${command}. Commands: install, ${Object.keys(ENTRIES).join(', ')}.`);
} else {
  passSignals();
  await main();
}

async function main() {
  const { prepare, runtime } = await import('./install.mjs');
  const { showFault } = await import('./terminal.mjs');
  try {
    if (command === 'start') await (await import('./preflight.mjs')).preflight(ROOT);
    await prepare(ROOT, {
      build: command !== 'check' && command !== 'install',
      onChild: (running) => (child = running),
    });
  } catch (error) {
    if (!stopped) showFault(error);
    process.exit(stopped ? 130 : 1);
  }
  if (stopped) process.exit(130);
  if (command === 'install') return;
  handOver(runtime(ROOT));
}

/** The pinned Node takes over; the channel to it tells it when this process is gone, however it went. */
function handOver(node) {
  const entry = join(ROOT, 'deploy', 'local', ENTRIES[command]);
  const quiet = ['--disable-warning=ExperimentalWarning', '--disable-warning=TimeoutNegativeWarning'];
  const args = command === 'servers' ? ['--servers-only', ...given] : given;
  child = spawn(node, [...quiet, entry, ...args], { cwd: ROOT, stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  child.once('error', (error) =>
    fail(`The pinned Node did not start (${error.message}). Remove node_modules and run this again.`),
  );
  child.once('exit', (code, signal) => {
    if (code !== null) process.exit(code);
    process.stderr.write(`Ended by ${signal}.\n`);
    process.exit(1);
  });
}

/** Signals go on to whoever works for us; and when npm itself was killed, the work stops as well. */
function passSignals() {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(name, () => {
      stopped = true;
      child?.kill(name);
    });
  }
  if (!process.env.npm_lifecycle_event) return;
  const parents = callers();
  setInterval(() => {
    if (stopped || callers().join() === parents.join()) return;
    stopped = true;
    child?.kill('SIGTERM');
  }, PARENT_LOOK_MS).unref();
}

/** npm, or the shell between npm and us together with npm: a shell whose npm was killed lives on. */
function callers() {
  const parent = process.ppid;
  try {
    const [, name, rest] = /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${parent}/stat`, 'utf8')) ?? [];
    return /^(ba|da|z|k)?sh$/.test(name) ? [parent, rest.split(' ')[1]] : [parent];
  } catch {
    return [parent];
  }
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
