/** Resolves after `ms`. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Asks until the answer is neither undefined nor false, and gives it back. An error counts as not yet.
 * @throws Error that names what was waited for, with the last error, after `timeoutMs`.
 */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  { timeoutMs = 30_000, everyMs = 20 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<Exclude<T, undefined | false>> {
  const endMs = Date.now() + timeoutMs;
  for (let cause: unknown; ;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (Date.now() > endMs) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`, { cause });
    await pause(everyMs);
  }
}
