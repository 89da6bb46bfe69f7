import type { Told } from '../runs/fold-batch.js';
import type { FeedPublisher } from './feed-publisher.js';

/** Outcomes of a partition that may wait while the feed is slow; beyond them the database alone tells. */
const WAITING_MAX = 8000;

/**
 * Keeps each partition's outcomes in order on their way to the feed, without holding up the next batch: one publish of
 * a partition at a time, what came meanwhile goes together with the next.
 */
export class FeedQueue {
  private readonly waiting = new Map<number, Told[]>();
  private readonly publishing = new Map<number, Promise<void>>();

  constructor(private readonly publisher: FeedPublisher) {}

  add(partition: number, told: readonly Told[]): void {
    if (told.length === 0) return;
    const waiting = this.waiting.get(partition) ?? [];
    this.waiting.set(partition, waiting);
    if (waiting.length + told.length > WAITING_MAX) this.publisher.drop(told.length);
    else waiting.push(...told);
    if (!this.publishing.has(partition)) {
      this.publishing.set(
        partition,
        this.drain(partition, waiting).finally(() => this.publishing.delete(partition)),
      );
    }
  }

  /** Resolves when nothing waits. */
  async flush(): Promise<void> {
    await Promise.all(this.publishing.values());
  }

  private async drain(partition: number, waiting: Told[]): Promise<void> {
    while (waiting.length > 0) await this.publisher.publish(partition, waiting.splice(0));
  }
}
