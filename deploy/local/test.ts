import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openFolders, ROOT } from './folders.ts';
import { withServers } from './passing.ts';
import { PortMemory } from './ports.ts';
import { countTests, lineOf, type JestResults } from './test-count.ts';
import { say } from './terminal.mjs';
import { startTestStores } from './test-stores.ts';

/** `npm test`: Jest over everything on servers of its own. Arguments after `--` go to Jest. The last line counts. */
const WORKERS = '--maxWorkers=2';
const LOOK_MS = 200;
/** Jest wrote its results and does not end: something a test started is still open. */
const LINGER_MAX_MS = 20_000;

const given = process.argv.slice(2);
let lastLine = lineOf({ passed: 0, failed: 1, skipped: 0 });
process.once('exit', () => {
  process.stdout.write(`${lastLine}\n`);
});

await withServers({ name: 'test', passing: true }, async (launch, env, folder) => {
  const stores = await startTestStores(launch.children, {
    folders: openFolders(folder),
    ports: new PortMemory(folder),
  });
  const results = join(folder, 'results.json');
  const jest = launch.children.start({
    name: 'jest',
    command: process.execPath,
    args: [
      '--experimental-vm-modules',
      '--no-warnings',
      join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js'),
      '--config',
      join(ROOT, 'jest.config.mjs'),
      ...(given.some((arg) => arg.startsWith('--maxWorkers') || arg === '-i' || arg === '--runInBand')
        ? []
        : [WORKERS]),
      '--json',
      `--outputFile=${results}`,
      ...given,
    ],
    // LanceDB warns of what its own tidying does, past any logger of ours.
    env: { LANCEDB_LOG: 'error', ...env, ...stores, NODE_OPTIONS: '', NODE_ENV: 'test' },
    cwd: ROOT,
    stopSignal: 'SIGTERM',
    graceMs: 5000,
    group: true,
  });
  let writtenAt: number | undefined;
  while (jest.isRunning()) {
    await Promise.race([jest.exited, sleep(LOOK_MS)]);
    if (writtenAt === undefined && existsSync(results)) writtenAt = performance.now();
    if (writtenAt !== undefined && performance.now() - writtenAt > LINGER_MAX_MS) {
      say(
        `Jest had its results and did not end within ${LINGER_MAX_MS / 1000} s: a test left something open. Ending it.`,
      );
      break;
    }
  }
  const ended = jest.isRunning() ? 'lingering' : await jest.exited;
  await jest.stop();
  const count = countTests(
    existsSync(results) ? (JSON.parse(readFileSync(results, 'utf8')) as JestResults) : undefined,
    ended,
  );
  lastLine = lineOf(count);
  return count.failed > 0 ? 1 : 0;
});
