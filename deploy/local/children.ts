import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isAlive, signal, startOf } from './processes.mjs';
import { openLog } from './folders.ts';

const REAPER = join(dirname(fileURLToPath(import.meta.url)), 'reaper.mjs');
const LOOK_MS = 20;

/** A server or service to run. */
export interface ChildOptions {
  name: string;
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Where its output goes; the launcher's own output when absent. */
  log?: string;
  uid?: number;
  gid?: number;
  /** Asks it to end; to its whole process group with `group`. */
  stopSignal: NodeJS.Signals;
  /** Ends it at once, in the way it can come back from. @default SIGKILL */
  killSignal?: NodeJS.Signals;
  /** How long it may take to end before it is killed. */
  graceMs: number;
  group?: boolean;
}

/** A running child. `exited` settles once, with how it ended. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly log: string | undefined;
  readonly exited: Promise<string>;
  isRunning(): boolean;
  /** Asks it to end and waits; kills what does not within its grace. */
  stop(): Promise<void>;
  /** Ends it at once. */
  kill(): void;
}

/**
 * What one launcher started. Each child leads a process group of its own, so that Ctrl-C in a terminal reaches only the
 * launcher, which stops them in order; the reaper does when the launcher is gone. A file lists them, so that the next
 * start can end what even the reaper could not.
 */
export class Children {
  readonly #listPath: string;
  readonly #listed = new Map<number, { name: string; pid: number; started: string }>();
  readonly #running = new Set<Child>();
  readonly #reaper: ChildProcess;
  /** In the environment of each child, and of whatever it starts. */
  readonly #mark = { RUNSPINE_LAUNCH: randomUUID() };
  #closing = false;

  constructor(dataDir: string) {
    this.#listPath = join(dataDir, 'children.json');
    this.#reaper = spawn(process.execPath, [REAPER], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    this.#reaper.stdin?.on('error', () => undefined);
    this.#reaper.unref();
    this.#tell({ mark: `RUNSPINE_LAUNCH=${this.#mark.RUNSPINE_LAUNCH}` });
  }

  /** Ends what an earlier launcher left running on this data folder; true if there was anything. */
  async clearLeftovers(): Promise<boolean> {
    const left = readList(this.#listPath).filter(({ pid, started }) => started !== '' && isAlive(pid, started));
    for (const { pid, name } of left.reverse()) {
      signal(pid, name === 'postgres' ? 'SIGINT' : 'SIGTERM');
      for (let looks = 0; looks < 250 && isAlive(pid); looks++) await sleep(LOOK_MS);
      if (isAlive(pid)) signal(pid, 'SIGKILL', true);
    }
    rmSync(this.#listPath, { force: true });
    return left.length > 0;
  }

  /** What runs now, in the order of its start. */
  running(): Child[] {
    return [...this.#running];
  }

  /** Nothing more is started: a launch under way fails at its next child. */
  refuseMore(): void {
    this.#closing = true;
  }

  start(options: ChildOptions): Child {
    if (this.#closing) throw new Error('The launcher is stopping.');
    const output = options.log === undefined ? 'inherit' : openLog(options.log);
    const child = spawn(options.command, options.args, {
      detached: true,
      stdio: ['ignore', output, output],
      env: { ...(options.env ?? process.env), ...this.#mark },
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...(options.uid !== undefined && { uid: options.uid, gid: options.gid }),
    });
    if (typeof output === 'number') closeSync(output);
    const exited = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, name) => resolve(name ? `signal ${name}` : `exit code ${code}`));
    });
    const pid = child.pid ?? -1;
    if (pid > 0) this.#add(pid, options);
    let running = pid > 0;
    const started: Child = {
      name: options.name,
      pid,
      log: options.log,
      exited,
      isRunning: () => running,
      stop: async () => {
        if (running) signal(pid, options.stopSignal, options.group);
        await Promise.race([exited, sleep(options.graceMs, undefined, { ref: false })]);
        if (running) signal(pid, 'SIGKILL');
        if (pid > 0) await exited;
        this.#drop(pid);
      },
      kill: () => {
        if (running) signal(pid, options.killSignal ?? 'SIGKILL', options.group);
      },
    };
    this.#running.add(started);
    void exited.then(() => {
      running = false;
      this.#running.delete(started);
    });
    return started;
  }

  /** A command that the reaper runs if the launcher is killed. */
  runAtDeath(command: string[]): void {
    this.#tell({ command });
  }

  /** A folder that the reaper removes if the launcher is killed. */
  removeAtDeath(folder: string): void {
    this.#tell({ remove: folder });
  }

  /** Everything was stopped in order: there is nothing left to reap. */
  async close(): Promise<void> {
    rmSync(this.#listPath, { force: true });
    const gone = new Promise((resolve) => this.#reaper.once('exit', resolve));
    this.#tell({ done: true });
    this.#reaper.stdin?.end();
    this.#reaper.ref();
    if (this.#reaper.exitCode === null && this.#reaper.signalCode === null) await gone;
  }

  #add(pid: number, { name, stopSignal, graceMs, group = false }: ChildOptions): void {
    const started = startOf(pid);
    this.#listed.set(pid, { name, pid, started });
    this.#tell({ add: { pid, started, stopSignal, graceMs, group } });
    this.#save();
  }

  /** What a child itself started and left behind ends with it. */
  #drop(pid: number): void {
    if (!this.#listed.delete(pid)) return;
    signal(pid, 'SIGKILL', true);
    this.#tell({ drop: pid });
    this.#save();
  }

  #tell(message: object): void {
    this.#reaper.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  #save(): void {
    try {
      writeFileSync(this.#listPath, JSON.stringify([...this.#listed.values()]));
    } catch {
      // The data folder was removed under us: the reaper knows them all the same.
    }
  }
}

function readList(path: string): { name: string; pid: number; started: string }[] {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as { name: string; pid: number; started: string }[];
  } catch {
    return [];
  }
}
