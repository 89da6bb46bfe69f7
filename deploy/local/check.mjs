import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { lock } from './lock.mjs';
import { paint, say } from './terminal.mjs';

/** `npm run check`: format, types and lint, all of them even if one fails; the linter reads the built types. */
const root = process.cwd();
const modules = join(root, 'node_modules');
const LOCK_WAIT_MS = 10 * 60_000;

const parts = [
  ['format', 'prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'],
  ['types', 'typescript/bin/tsc', '-b'],
  ['types of the tests', 'typescript/bin/tsc', '-p', 'tsconfig.test.json'],
  ['types of the examples', 'typescript/bin/tsc', '-p', 'tsconfig.examples.json'],
  ['lint', 'eslint/bin/eslint.js', '--max-warnings', '0', '.'],
];

const held = await lock(join(root, '.runspine', 'install.lock'), { waitMs: LOCK_WAIT_MS });
let running;
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => stop(name));
process.on('disconnect', () => stop('SIGTERM'));

const failed = [];
for (const [name, script, ...args] of parts) {
  const began = performance.now();
  const code = await run(join(modules, script), args);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  say(`${code === 0 ? paint('green', '✓') : paint('red', '✗')} ${name}${paint('grey', `  ${seconds} s`)}`);
  if (code !== 0) failed.push(name);
}
held.release();
if (failed.length > 0)
  say(`\nFailed: ${failed.join(', ')}.${failed.includes('format') ? ' Format with: npm run format' : ''}`);
process.exit(failed.length > 0 ? 1 : 0);

function run(script, args) {
  return new Promise((resolve) => {
    running = spawn(process.execPath, [script, ...args], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    running.once('exit', (code) => resolve(code ?? 1));
  });
}

function stop(name) {
  running?.kill(name);
  held.release();
  process.exit(130);
}
