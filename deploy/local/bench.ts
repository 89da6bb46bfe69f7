import { join } from 'node:path';
import { ROOT } from './folders.ts';
import { withServers } from './passing.ts';

/** `npm run bench`: the measurements of test/bench, on durable servers of their own. Arguments after `--` go to it. */
const QUIET = ['--disable-warning=ExperimentalWarning', '--disable-warning=TimeoutNegativeWarning'];

await withServers({ name: 'bench', passing: false }, async (launch, env) => {
  const bench = launch.children.start({
    name: 'bench',
    command: process.execPath,
    args: [...QUIET, join(ROOT, 'test', 'bench', 'main.ts'), ...process.argv.slice(2)],
    env,
    cwd: ROOT,
    stopSignal: 'SIGTERM',
    graceMs: 10_000,
    group: true,
  });
  const ended = await bench.exited;
  await bench.stop();
  return ended === 'exit code 0' ? 0 : 1;
});
