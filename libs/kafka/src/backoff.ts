/** Exponential delay from `minMs` to `maxMs`, with a jitter of a quarter either way. Attempts count from 0. */
export function backoffMs(attempt: number, minMs: number, maxMs: number): number {
  const delay = Math.min(maxMs, minMs * 2 ** Math.min(attempt, 20));
  return delay * (0.75 + Math.random() * 0.5);
}

/** Resolves after `ms`, or as soon as `signal` aborts; never rejects. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return first(ms, signal);
}

/** Settles as `work` does, or rejects with `late()` after `ms`; `work` goes on unobserved. */
export function within<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Resolves when `work` is settled, after `ms` at the latest, or as soon as `signal` aborts; never rejects. */
export function atMost(work: Promise<unknown>, ms: number, signal?: AbortSignal): Promise<void> {
  return first(ms, signal, work);
}

/** One listener and one timer: a signal composed of others costs more than what most callers wait for. */
function first(ms: number, signal?: AbortSignal, work?: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
    work?.then(done, done);
  });
}
