import { processEnvironment } from './environment.js';
import { EXIT } from './failures.js';
import { runCli } from './program.js';

/** The process: its streams, its signals, and how it ends. */
const stop = new AbortController();
let signals = 0;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    signals += 1;
    // Once asks, twice insists.
    if (signals > 1) process.exit(EXIT.interrupted);
    stop.abort(new Error('interrupted'));
  });
}

for (const stream of [process.stdout, process.stderr]) {
  // Whoever read has read enough, as `head` does: nothing is wrong.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    throw error;
  });
}

process.exitCode = await runCli(process.argv.slice(2), {
  env: processEnvironment(),
  cwd: process.cwd(),
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stop.signal,
});
// A connection that is kept for a next request would keep the process, too.
if (process.stdout.writableLength === 0) process.exit();
