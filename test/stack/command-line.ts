import { spawn } from 'node:child_process';
import { PassThrough, Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runCli } from '../../apps/cli/src/program.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NODE = `${ROOT}node_modules/node/bin/node`;
const BIN = `${ROOT}apps/cli/bin/runspine.js`;
const TERMINAL = fileURLToPath(new URL('./terminal.py', import.meta.url));

/** What a command wrote, and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly tookMs: number;
}

export interface HereOptions {
  /** As on a terminal of this width. */
  readonly columns?: number;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** What stdin has. */
  readonly input?: string;
  /** What is typed, each once nothing was written for a moment; stdin is a terminal then. */
  readonly keys?: readonly string[];
  readonly signal?: AbortSignal;
  /** What is written, as it is. */
  readonly onWrite?: (text: string) => void;
}

/** `runspine` against one gateway: in this process, as a process of its own in a pipe, and in a pseudo-terminal. */
export class CommandLine {
  readonly env: Record<string, string>;

  constructor(address: string, more: Record<string, string> = {}) {
    this.env = {
      RUNSPINE_ADDRESS: address,
      RUNSPINE_CONFIG: '/nonexistent/config.json',
      LANG: 'C.UTF-8',
      TERM: 'xterm',
      PATH: process.env.PATH ?? '',
      ...more,
    };
  }

  async here(args: readonly string[], options: HereOptions = {}): Promise<Ended> {
    const { columns, env, cwd = ROOT, input, keys, signal = new AbortController().signal, onWrite } = options;
    const written = { out: '', err: '' };
    const sink = (name: 'out' | 'err') => {
      const write = (chunk: Buffer, _encoding: string, done: () => void) => {
        written[name] += chunk.toString();
        onWrite?.(chunk.toString());
        done();
      };
      return Object.assign(new Writable({ write }), columns === undefined ? {} : { isTTY: true, columns });
    };
    const stdin = Object.assign(new PassThrough(), keys === undefined ? {} : { isTTY: true });
    if (keys === undefined) stdin.end(input ?? '');
    const began = performance.now();
    const io = { env: { ...this.env, ...env }, cwd, stdin, stdout: sink('out'), stderr: sink('err'), signal };
    const running = runCli(args, io);
    const typed = typing(stdin, keys ?? [], () => written.out.length + written.err.length);
    const code = await running;
    stdin.end();
    await typed;
    return { code, ...written, tookMs: performance.now() - began };
  }

  /** What it prints with --json: an item a line. */
  async lines<T>(...args: string[]): Promise<T[]> {
    const { out } = await this.here([...args, '--json']);
    return out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T);
  }

  inPipe(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
    return this.spawned(NODE, [BIN, ...args], env);
  }

  /** A line of a shell; `$RUNSPINE` is the command, `$NODE` and `$BIN` its two words. */
  inShell(line: string): Promise<Ended> {
    return this.spawned('bash', ['-c', line], { RUNSPINE: `${NODE} ${BIN}`, NODE, BIN });
  }

  inTerminal(
    args: readonly string[],
    { columns = 80, keys = '', env = {} }: { columns?: number; keys?: string; env?: Record<string, string> } = {},
  ): Promise<Ended> {
    return this.spawned('python3', [TERMINAL, String(columns), keys, NODE, BIN, ...args], env);
  }

  private async spawned(command: string, args: readonly string[], env: Record<string, string>): Promise<Ended> {
    const began = performance.now();
    const child = spawn(command, args, { cwd: ROOT, env: { ...this.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    // By characters: a piece may end inside of one.
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, out: out.replaceAll('\r\n', '\n'), err, tookMs: performance.now() - began };
  }
}

/** Types each key once something more was written and then nothing for a moment. */
async function typing(stdin: PassThrough, keys: readonly string[], written: () => number): Promise<void> {
  for (const key of keys) {
    for (let before = 0; !stdin.writableEnded; await pause(100)) {
      const now = written();
      if (now > 0 && now === before) break;
      before = now;
    }
    if (!stdin.writableEnded) stdin.write(key);
  }
}
