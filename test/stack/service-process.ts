import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from './until.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The Node that services run on: the pinned one, whatever runs the tests. */
const NODE = fileURLToPath(new URL('../../node_modules/node/bin/node', import.meta.url));
const LINES_MAX = 20_000;

export type ServiceName = 'gateway' | 'projector' | 'nexus';

/** A line of a service's log, and when it was read. */
export interface LogLine {
  atMs: number;
  text: string;
  /** Its fields, where it is JSON. */
  fields: Record<string, unknown>;
}

/** A service of ours as a process of its own, from its build, on a port of its own. */
export class ServiceProcess {
  readonly lines: LogLine[] = [];
  private child: ChildProcess | undefined;
  private gone: Promise<string> = Promise.resolve('never started');
  private exited: string | undefined = 'never started';
  private listening: string | undefined;

  constructor(
    readonly service: ServiceName,
    readonly name: string,
    private readonly env: Record<string, string>,
  ) {}

  /** `http://host:port`, once it listens. */
  get address(): string {
    if (this.listening === undefined) throw new Error(`${this.name} does not listen`);
    return this.listening;
  }

  get running(): boolean {
    return this.exited === undefined;
  }

  /** Starts it; resolves when it listens. */
  async start(): Promise<void> {
    this.listening = undefined;
    this.exited = undefined;
    const main = builtFile(`apps/${this.service}/dist/main.js`);
    // With a channel, so that it ends with whoever runs the tests, however that ends.
    const child = spawn(NODE, [main], {
      cwd: ROOT,
      env: { ...process.env, NODE_OPTIONS: '', ...this.env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (text) => this.take(text));
    }
    this.gone = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.exited = signal ?? String(code);
        resolve(this.exited);
      });
    });
    await until(`${this.name} to listen`, () => {
      if (this.exited !== undefined) throw new Error(`it ended with ${this.exited}:\n${this.tail(20)}`);
      return this.listening;
    });
  }

  /** Resolves when it says that it is ready. */
  async ready(timeoutMs = 30_000): Promise<void> {
    await until(`${this.name} to be ready`, async () => (await this.readiness()).status === 200, { timeoutMs });
  }

  /** What `/health/ready` answers. */
  async readiness(): Promise<{ status: number; body: string }> {
    const response = await fetch(`${this.address}/health/ready`, { signal: AbortSignal.timeout(3000) });
    return { status: response.status, body: await response.text() };
  }

  /** A reading of `/metrics`: the sum of a metric over its labels. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.address}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  /** Ends it at once, as a power cut would. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.gone;
  }

  /** Asks it to end, and resolves with its exit code or the signal that ended it. */
  async stop(): Promise<string> {
    if (!this.running) return this.exited ?? '';
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    const late = setTimeout(() => this.signal('SIGKILL'), 15_000);
    const exited = await this.gone;
    clearTimeout(late);
    return exited;
  }

  /** Asks it to end. @returns what was not in order about it, empty when it drained and ended with 0. */
  async stopCleanly(): Promise<string> {
    const exited = await this.stop();
    const cut = this.lines.some(({ fields }) => fields.msg === 'drain cut short');
    return exited === '0' && !cut ? '' : `${this.name} ended with ${exited}${cut ? ', its drain cut short' : ''}`;
  }

  /** The last lines, for people: what was logged over and over once, as it was last, and not all of a long line. */
  tail(lines: number, sinceMs = 0): string {
    const recent = new Map<string, string>();
    for (const { atMs, text, fields } of this.lines) {
      if (atMs < sinceMs) continue;
      const { message } = (fields.err ?? {}) as { message?: string };
      const what = typeof fields.msg === 'string' ? `${fields.msg} ${message}` : text;
      recent.delete(what);
      recent.set(what, text.length > 600 ? `${text.slice(0, 600)}…` : text);
    }
    return [...recent.values()]
      .slice(-lines)
      .map((text) => `  ${text}`)
      .join('\n');
  }

  private take(text: string): void {
    let fields: Record<string, unknown> = {};
    try {
      fields = JSON.parse(text) as Record<string, unknown>;
    } catch {
      // Not a line of ours: a stack of Node's own.
    }
    this.lines.push({ atMs: Date.now(), text, fields });
    if (this.lines.length > LINES_MAX) this.lines.splice(0, LINES_MAX / 2);
    if (fields.msg === 'listening') this.listening = String(fields.address);
  }
}

/** Runs a built script to its end. @returns its exit code and all that it wrote. */
export async function runBuilt(
  path: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(NODE, [builtFile(path), ...args], {
    cwd: ROOT,
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}

function builtFile(path: string): string {
  if (!existsSync(`${ROOT}${path}`))
    throw new Error(`${path} is not there: the system tests run the build. npm run build`);
  return `${ROOT}${path}`;
}
