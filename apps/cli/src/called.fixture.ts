import { PassThrough } from 'node:stream';
import { runCli } from './program.js';

/** A command against the gateway at `address`, in a pipe; `terminal` as its first word: on a terminal of 80 columns. */
export async function called(address: string, args: readonly string[]) {
  const written = { out: '', err: '' };
  const sink = (name: 'out' | 'err', columns?: number) => ({
    write: (text: string) => (written[name] += text),
    ...(columns === undefined ? {} : { isTTY: true, columns }),
  });
  const terminal = args[0] === 'terminal';
  const code = await runCli(terminal ? args.slice(1) : args, {
    env: { RUNSPINE_ADDRESS: address, RUNSPINE_CONFIG: '/nonexistent', LANG: 'C.UTF-8', NO_COLOR: '1' },
    cwd: '/',
    stdin: new PassThrough(),
    stdout: sink('out', terminal ? 80 : undefined),
    stderr: sink('err', terminal ? 80 : undefined),
    signal: new AbortController().signal,
  });
  return { code, ...written };
}
