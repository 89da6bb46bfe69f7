import { setTimeout as pause } from 'node:timers/promises';

const WAIT_MS_MIN = 100;
const WAIT_MS_MAX = 5000;

export interface PersistOptions {
  /** Told of each failure before the wait after it, milliseconds. */
  onFault: (error: unknown, waitMs: number) => void;
  /** Whether no further attempt would mend it. @default never */
  isFinal?: (error: unknown) => boolean;
  /** Ends the attempts. @default they go on until one succeeds */
  signal?: AbortSignal;
}

/**
 * Attempts what a service needs of another system, again and again until it succeeds: at first after 100 ms, then ever
 * later, up to 5 s. Undefined once `signal` has ended it.
 * @throws the error that `isFinal` says is final.
 */
export async function persist<T>(attempt: () => Promise<T>, options: PersistOptions): Promise<T | undefined> {
  const { onFault, isFinal, signal } = options;
  for (let waitMs = WAIT_MS_MIN; !signal?.aborted; waitMs = Math.min(2 * waitMs, WAIT_MS_MAX)) {
    try {
      return await attempt();
    } catch (error) {
      if (isFinal?.(error)) throw error;
      onFault(error, waitMs);
      await pause(waitMs, undefined, signal ? { signal } : {}).catch(() => undefined);
    }
  }
  return undefined;
}
