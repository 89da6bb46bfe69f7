import { Children } from './children.ts';
import { endCommands } from './commands.ts';
import type { Folders } from './folders.ts';
import { paint, say, showFault } from './terminal.mjs';

/** Those who depend on others stop before them. */
const STOP_ORDER = ['jest', 'bench', 'gateway', 'nexus', 'projector', 's3', 'gcs', 'kafka', 'postgres'];
/** npm, the terminal and the bootstrap may each pass on the same key press: within this time they are one. */
const SAME_PRESS_MS = 700;
const TITLES: Record<string, string> = {
  gateway: 'Gateway',
  nexus: 'Nexus',
  projector: 'Projector',
  kafka: 'Kafka',
  postgres: 'PostgreSQL',
};

/** One start of the stack: what it started, and how it ends. */
export class Launch {
  readonly children: Children;
  /** Runs after the children stopped, as for containers and folders. */
  readonly atEnd: (() => void | Promise<void>)[] = [];
  readonly #quiet: boolean;
  #ending: Promise<never> | undefined;
  #pressedAt = 0;

  constructor(folders: Folders, { quiet = false } = {}) {
    this.children = new Children(folders.data);
    this.#quiet = quiet;
  }

  get isEnding(): boolean {
    return this.#ending !== undefined;
  }

  /** Ctrl-C and its like end the launch in order; pressed again, at once. `exitCode` is asked for at that moment. */
  endOnSignals(exitCode: () => number): void {
    const end = () => {
      const now = performance.now();
      if (!this.isEnding) {
        this.#pressedAt = now;
        if (!this.#quiet) say(`\n${paint('yellow', 'Stopping')} (press Ctrl-C again to stop at once)`);
        void this.end(exitCode());
      } else if (now - this.#pressedAt > SAME_PRESS_MS) {
        for (const child of this.children.running()) child.kill();
      }
    };
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, end);
    // The bootstrap is gone, killed perhaps: nobody would stop us.
    process.once('disconnect', end);
    process.stdout.on('error', () => undefined);
    process.stderr.on('error', () => undefined);
  }

  /** Stops everything in order and exits. The first call decides the exit code. */
  end(exitCode: number): Promise<never> {
    this.#ending ??= this.#stop(exitCode);
    return this.#ending;
  }

  async #stop(exitCode: number): Promise<never> {
    this.children.refuseMore();
    endCommands();
    const rank = (name: string) => STOP_ORDER.indexOf(name);
    for (const child of this.children.running().sort((one, other) => rank(one.name) - rank(other.name))) {
      const began = performance.now();
      await child.stop();
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      if (!this.#quiet) say(`✓ ${TITLES[child.name] ?? child.name} stopped${paint('grey', `  ${seconds} s`)}`);
    }
    for (const action of this.atEnd) {
      try {
        await action();
      } catch (error) {
        showFault(error);
        exitCode ||= 1;
      }
    }
    await this.children.close();
    process.exit(exitCode);
  }
}
