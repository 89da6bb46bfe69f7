import type { Logger } from '@runspine/service';
import { pause } from '../remote/json-post.js';
import { mayPass } from './task.js';

const PAUSE_MS = 200;
const PAUSE_MS_MAX = 5000;

/** What a space's work may fail at, each for reasons of its own. */
export type Dependency = 'blobs' | 'embedder' | 'store';

/**
 * Tries again what may pass, for so long since a dependency began to fail: what comes later, while it still fails, has
 * one try. So a dead dependency costs a space that time once, and not once a task.
 */
export class Persistence {
  private readonly failingSinceMs = new Map<Dependency, number>();

  constructor(
    private readonly retryMs: number,
    private readonly logger: Logger,
    private readonly signal: AbortSignal,
  ) {}

  get failing(): boolean {
    return this.failingSinceMs.size > 0;
  }

  /** Gives up on what fails now: others wait for the room. */
  hurry(): void {
    for (const dependency of this.failingSinceMs.keys()) this.failingSinceMs.set(dependency, 0);
  }

  /** @throws what the last try threw, or the signal's reason. */
  async attempt<T>(dependency: Dependency, fields: Record<string, unknown>, work: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        const result = await work();
        this.failingSinceMs.delete(dependency);
        return result;
      } catch (error) {
        this.signal.throwIfAborted();
        if (!mayPass(error)) throw error;
        const since = this.failingSinceMs.get(dependency) ?? Date.now();
        this.failingSinceMs.set(dependency, since);
        if (Date.now() - since >= this.retryMs) throw error;
        this.logger.warn({ ...fields, err: error, dependency, tries }, 'tries again');
        await this.wait(dependency, Math.random() * Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** tries));
      }
    }
  }

  /** In steps, so that hurry is heard. */
  private async wait(dependency: Dependency, ms: number): Promise<void> {
    const untilMs = Date.now() + ms;
    while (Date.now() < untilMs && this.failingSinceMs.get(dependency) !== 0) {
      await pause(Math.min(200, Math.max(1, untilMs - Date.now())), this.signal);
    }
  }
}
