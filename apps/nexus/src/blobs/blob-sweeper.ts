import { setTimeout as pause } from 'node:timers/promises';
import { type BlobRoute, sweepBlobs } from '@runspine/blobs';
import type { openPool } from '@runspine/projections/journal';
import type { Logger, Metrics } from '@runspine/service';

export interface BlobSweeperOptions {
  /** Every store of blobs that some route leads to. */
  readonly stores: () => BlobRoute[];
  readonly pool: ReturnType<typeof openPool>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Between two sweeps; each waits up to a tenth less or more, so that processes do not sweep together. */
  readonly everyMs: number;
  /** Younger blobs stay. */
  readonly ageMs: number;
  /** Most blobs that are removed from one store at once. */
  readonly removedMax: number;
}

/** One number for whoever sweeps blobs of this database. */
const SWEEP_LOCK = 7_240_513;
/** Soon after the start, too: what restarts often would never sweep. */
const FIRST_MS_MAX = 60_000;

/** Removes blobs that no event can name any more, of every store, again and again; one process at a time. */
export class BlobSweeper {
  private readonly stopping = new AbortController();
  private readonly removed;
  private readonly sweeps;
  private loop: Promise<void> | undefined;

  constructor(private readonly options: BlobSweeperOptions) {
    this.removed = options.metrics.counter({
      name: 'runspine_nexus_blobs_swept_total',
      help: 'Blobs that were removed because they are old.',
    });
    this.sweeps = options.metrics.counter({
      name: 'runspine_nexus_blob_sweeps_total',
      help: 'Sweeps of a store: complete, partial (a bound was reached, the next goes on), failed.',
      labelNames: ['outcome'] as const,
    });
  }

  start(): void {
    if (this.options.everyMs > 0) this.loop ??= this.keepSweeping();
  }

  /** Ends a sweep where it is. */
  async stop(): Promise<void> {
    this.stopping.abort(new Error('the service stops'));
    await this.loop;
  }

  /** Sweeps every store, unless another process does so now. @returns how many blobs went. */
  async sweep(): Promise<number> {
    const client = await this.options.pool.connect();
    let broken: Error | undefined;
    try {
      const { rows } = await client.query<{ mine: boolean }>(`SELECT pg_try_advisory_lock(${SWEEP_LOCK}) AS mine`);
      if (!rows[0]?.mine) return 0;
      let removed = 0;
      for (const store of this.options.stores()) {
        if (this.stopping.signal.aborted) break;
        removed += await this.sweepStore(store);
      }
      return removed;
    } finally {
      // Where the connection died the lock went with it: two that sweep at once are harmless.
      await client.query(`SELECT pg_advisory_unlock(${SWEEP_LOCK})`).catch((error: Error) => (broken = error));
      client.release(broken);
    }
  }

  private async sweepStore(store: BlobRoute): Promise<number> {
    const { ageMs, removedMax, logger } = this.options;
    const { signal } = this.stopping;
    try {
      const { removed, looked, complete } = await sweepBlobs(store, { ageMs, removedMax, signal });
      this.removed.inc(removed);
      this.sweeps.inc({ outcome: complete ? 'complete' : 'partial' });
      if (removed > 0) logger.info({ store: store.uri, removed, looked, complete }, 'swept old blobs');
      return removed;
    } catch (error) {
      if (signal.aborted) return 0;
      this.sweeps.inc({ outcome: 'failed' });
      logger.warn({ err: error, store: store.uri }, 'a store of blobs could not be swept');
      return 0;
    }
  }

  private async keepSweeping(): Promise<void> {
    const { everyMs, logger } = this.options;
    const { signal } = this.stopping;
    let waitMs = Math.random() * Math.min(FIRST_MS_MAX, everyMs);
    for (;;) {
      await pause(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      await this.sweep().catch((error: unknown) => logger.warn({ err: error }, 'blobs could not be swept'));
      waitMs = everyMs * (0.9 + 0.2 * Math.random());
    }
  }
}
