/** How often a failed request is tried again, and how long is waited between. */
export interface RetryOptions {
  /** Tries after the first. @default 3 */
  readonly attempts?: number;
  /** The longest first wait, in milliseconds; it doubles with each try. @default 200 */
  readonly baseMs?: number;
  /** The longest wait of all, in milliseconds. A `Retry-After` beyond it is not waited for. @default 10_000 */
  readonly capMs?: number;
}

export type Retries = Required<RetryOptions>;

export const RETRIES_DEFAULT: Retries = { attempts: 3, baseMs: 200, capMs: 10_000 };

/** A wait by full jitter (Exponential Backoff And Jitter, AWS): anything up to `baseMs · 2^attempt`, or the cap. */
export function jitterMs(attempt: number, { baseMs, capMs }: Pick<Retries, 'baseMs' | 'capMs'>): number {
  return Math.random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
}

/** Resolves after `ms`. @throws the signal's reason, as soon as it aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const aborted = () => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', aborted);
      resolve();
    }, ms);
    signal?.addEventListener('abort', aborted, { once: true });
  });
}
