/** How many requests with idempotency keys are remembered; the oldest is forgotten first. */
const REMEMBERED_MAX = 10_000;

interface Remembered {
  hash: string;
  sent: Promise<void>;
}

/**
 * Requests with idempotency keys that this process took lately: a repeat that comes before the projection knows its
 * first is told from a reuse all the same.
 */
export class RecentRequests {
  private readonly taken = new Map<string, Remembered>();

  find(key: string): Remembered | undefined {
    return this.taken.get(key);
  }

  /** Does the work of a request; one that fails is forgotten, so that it can be tried again. */
  async take(key: string, hash: string, work: () => Promise<void>): Promise<void> {
    const sent = work();
    this.taken.set(key, { hash, sent });
    for (const [oldest] of this.taken) {
      if (this.taken.size <= REMEMBERED_MAX) break;
      this.taken.delete(oldest);
    }
    try {
      await sent;
    } catch (error) {
      this.taken.delete(key);
      throw error;
    }
  }
}
