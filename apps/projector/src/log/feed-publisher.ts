import type { BatchingProducer, OutgoingRecord } from '@runspine/kafka';
import type { Logger } from '@runspine/service';
import type { Told } from '../runs/fold-batch.js';
import { recordsOf } from './feed-records.js';

/** Most outcomes of a partition that gather before they leave. */
const GATHERED_MAX = 500;

export interface FeedPublisherOptions {
  producer: BatchingProducer;
  topic: string;
  logger: Logger;
  /** How long outcomes gather whose waiters have been told, milliseconds. 0: not at all. */
  lingerMs: number;
}

/** A batch's outcomes as they are to be told: as records, or as they are where they may gather with those of other batches. */
export type Prepared = Rendered | { readonly gathering: readonly Told[] };

interface Rendered {
  readonly records: readonly OutgoingRecord[];
  readonly outcomes: number;
}

/**
 * Tells outcomes on the feed, after their commit. The feed is fast and PostgreSQL is true: what cannot be published is
 * counted and logged, and who waits for it reads the database.
 */
export class FeedPublisher {
  private readonly gathered = new Map<number, Told[]>();
  private readonly publishing = new Map<number, Promise<void>>();
  private timer: NodeJS.Timeout | undefined;
  private lost = 0;

  constructor(private readonly options: FeedPublisherOptions) {}

  /** Outcomes that never reached the feed. */
  get lostOutcomes(): number {
    return this.lost;
  }

  /**
   * Before the commit: what becomes records now is bytes while PostgreSQL writes, and no longer objects. Outcomes that
   * somebody waits for leave at once; where their commit tells whoever waits, several commits' go together.
   */
  prepare(partition: number, told: readonly Told[]): Prepared {
    if (this.options.lingerMs > 0 && told.every(({ noticed }) => noticed)) return { gathering: told };
    return { records: recordsOf(this.options.topic, partition, told), outcomes: told.length };
  }

  /**
   * Hands a batch's outcomes to the feed while the next batch is applied: resolves once the batch before it of this
   * partition has left (or is counted as lost), so that a slow feed slows its partition instead of filling memory.
   */
  async publish(partition: number, prepared: Prepared): Promise<void> {
    const before = this.publishing.get(partition);
    if ('gathering' in prepared) this.gather(partition, prepared.gathering);
    else this.sendNext(partition, this.withGathered(partition, prepared));
    await before;
  }

  /** Resolves when all that was handed over has left, or is counted as lost. */
  async flush(): Promise<void> {
    this.releaseAll();
    await Promise.all(this.publishing.values());
  }

  private gather(partition: number, told: readonly Told[]): void {
    if (told.length === 0) return;
    const gathered = this.gathered.get(partition) ?? [];
    gathered.push(...told);
    this.gathered.set(partition, gathered);
    if (gathered.length >= GATHERED_MAX) this.release(partition);
    else this.timer ??= setTimeout(() => this.releaseAll(), this.options.lingerMs);
  }

  private releaseAll(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const partition of this.gathered.keys()) this.release(partition);
  }

  private release(partition: number): void {
    this.sendNext(partition, this.withGathered(partition, { records: [], outcomes: 0 }));
  }

  /** What gathered leaves with it, ahead of it. */
  private withGathered(partition: number, { records, outcomes }: Rendered): Rendered {
    const told = this.gathered.get(partition) ?? [];
    this.gathered.delete(partition);
    return {
      records: [...recordsOf(this.options.topic, partition, told), ...records],
      outcomes: told.length + outcomes,
    };
  }

  /** Once what came before it of this partition has left. */
  private sendNext(partition: number, rendered: Rendered): void {
    const before = this.publishing.get(partition) ?? Promise.resolve();
    this.publishing.set(
      partition,
      before.then(() => this.send(partition, rendered)),
    );
  }

  private async send(partition: number, { records, outcomes }: Rendered): Promise<void> {
    if (outcomes === 0) return;
    try {
      await this.options.producer.sendMany(records);
    } catch (error) {
      this.lost += outcomes;
      this.options.logger.warn({ partition, outcomes, err: error }, 'outcomes did not reach the feed');
    }
  }
}
