import type { Logger } from '@runspine/service';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { JobContext } from '../admin/admin-jobs.js';
import { compare, type Comparison, type Difference, versionDifferences } from './compare.js';
import { type FoldPosition, JournalFold } from './journal-fold.js';
import { type Version, VersionTables } from './version-tables.js';

/** A remainder as small as this is folded while writers wait. */
const REMAINDER_MAX = 1000;
const FOLLOWS_MAX = 50;
/** What is left behind a pass is about as much as came during it: more passes do not help. */
const SHRINKING = 0.8;
const SWAPS_MAX = 5;
/** How long writers may be made to wait for a swap, and a swap for them. */
const LOCKED_MS_MAX = 20_000;
const LOCK_WAIT_MS = 5000;
/** From the remainder's commit to the swap: whoever read before it has ended. */
const READERS_MS = 100;

export interface VersionResult {
  events: number;
  seconds: number;
  events_per_second: number;
  /** Rows of the live projections that are not what the journal says; named are at most 100, the caller's own. */
  differences: Difference[];
  differences_total: number;
}

/** Folds the journal again, to compare it with the live projections, or to take their place. */
export class Rebuilds {
  constructor(
    private readonly pool: pg.Pool,
    private readonly topic: string,
    private readonly logger: Logger,
  ) {}

  /** Compares, and changes nothing. Writes go on. */
  verify(job: JobContext, tenantId: string | null): Promise<VersionResult> {
    return this.inVersion('verify', async (tables) => {
      const began = performance.now();
      const fold = await this.foldFor(job, tables, tenantId);
      const positions = await this.followed(fold, await fold.whole());
      const { compared } = await this.comparedAt(fold, tables, positions, tenantId);
      return resultOf(fold, began, compared.differences, compared.total);
    });
  }

  /** Folds everything into the next version, and puts it in the live one's place. Services go on. */
  rebuild(
    job: JobContext,
    shownTenantId: string | null,
  ): Promise<VersionResult & { version: number; locked_ms: number }> {
    return this.inVersion('next', async (tables) => {
      const began = performance.now();
      const fold = await this.foldFor(job, tables, null);
      const followed = await this.followed(fold, await fold.whole());
      const { compared, positions } = await this.comparedAt(fold, tables, followed, null);
      await tables.takeSignsOfLife(null, false);
      const swap = await this.swap(job, fold, tables, await this.followed(fold, positions));
      const differences = [...compared.differences, ...swap.differences];
      const shown = differences.filter(({ tenant_id }) => shownTenantId === null || tenant_id === shownTenantId);
      const total = compared.total + swap.differences.length;
      return { ...resultOf(fold, began, shown, total), version: swap.version, locked_ms: swap.lockedMs };
    });
  }

  private async inVersion<T>(version: Version, work: (tables: VersionTables) => Promise<T>): Promise<T> {
    const tables = new VersionTables(this.pool, version);
    await tables.begin();
    try {
      return await work(tables);
    } finally {
      await tables.discard().catch((error: unknown) => {
        this.logger.warn({ err: error, version }, 'tables beside the live ones are left; the next job drops them');
      });
    }
  }

  private async foldFor(job: JobContext, tables: VersionTables, tenantId: string | null): Promise<JournalFold> {
    const { rows } = await this.pool.query<{ events: number }>(
      `SELECT coalesce(sum(version), 0)::bigint AS events FROM proj_runs WHERE $1::text IS NULL OR tenant_id = $1`,
      [tenantId],
    );
    const total = rows[0]?.events ?? 0;
    const progress = (events: number) => job.progress(events, Math.max(events, total));
    return new JournalFold({ pool: this.pool, topic: this.topic, tenantId, signal: job.signal, progress }, tables);
  }

  /** Follows until little is left; a system that writes faster than this folds is left behind for the lock to hold. */
  private async followed(fold: JournalFold, from: FoldPosition): Promise<FoldPosition> {
    let positions = from;
    let before = Number.POSITIVE_INFINITY;
    for (let pass = 0; pass < FOLLOWS_MAX; pass += 1) {
      const followed = await fold.follow(positions);
      positions = followed.positions;
      if (followed.events <= REMAINDER_MAX || followed.events > SHRINKING * before) break;
      before = followed.events;
    }
    return positions;
  }

  /**
   * One transaction, one snapshot: what is missing of it is folded, then both sides stand for the same point, however
   * fast others write.
   */
  private async comparedAt(
    fold: JournalFold,
    tables: VersionTables,
    from: FoldPosition,
    tenantId: string | null,
  ): Promise<{ compared: Comparison; positions: FoldPosition }> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      const { positions } = await fold.follow(from, client);
      await tables.over(client).addRooms(tenantId);
      const compared = await compare(client, tables, tenantId);
      await client.query('COMMIT');
      return { compared, positions };
    } catch (error) {
      await client.query('ROLLBACK').catch((failure: Error) => (broken = failure));
      throw error;
    } finally {
      client.release(broken);
    }
  }

  private async swap(
    job: JobContext,
    fold: JournalFold,
    tables: VersionTables,
    from: FoldPosition,
  ): Promise<{ version: number; lockedMs: number; differences: Difference[] }> {
    let positions = from;
    for (let attempt = 1; ; attempt += 1) {
      job.signal.throwIfAborted();
      try {
        return await this.swapLocked(job, fold, tables, positions);
      } catch (error) {
        const busy =
          error instanceof pg.DatabaseError && ['55P03', '40P01', '57014', '25P03'].includes(error.code ?? '');
        if (!busy || attempt === SWAPS_MAX) throw error;
        this.logger.warn({ err: error, attempt }, 'the swap had to give way, tried again');
        positions = await this.followed(fold, positions);
      }
    }
  }

  /**
   * The offsets' lock stops writers; readers go on. The remainder is committed on its own before the names change, so
   * that a reader whose snapshot is older than the swap still finds all rows under the new ones.
   */
  private async swapLocked(
    job: JobContext,
    fold: JournalFold,
    tables: VersionTables,
    from: FoldPosition,
  ): Promise<{ version: number; lockedMs: number; differences: Difference[] }> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query(
        `BEGIN; SET LOCAL lock_timeout = ${LOCK_WAIT_MS}; SET LOCAL statement_timeout = ${LOCKED_MS_MAX};
         SET LOCAL idle_in_transaction_session_timeout = ${LOCKED_MS_MAX}`,
      );
      await client.query('LOCK TABLE projector_offsets IN EXCLUSIVE MODE');
      const lockedAt = performance.now();
      await fold.follow(from);
      await tables.takeSignsOfLife(null, true);
      const differences = await versionDifferences(this.pool, tables, null);
      await pause(READERS_MS, undefined, { signal: job.signal });
      const { rows } = await client.query<{ version: number }>('SELECT projections_swap($1, $2) AS version', [
        tables.version,
        job.jobId,
      ]);
      await client.query('COMMIT');
      const lockedMs = Math.round(performance.now() - lockedAt);
      this.logger.info({ version: rows[0]?.version, locked_ms: lockedMs }, 'projections swapped');
      return { version: rows[0]?.version ?? 0, lockedMs, differences };
    } catch (error) {
      await client.query('ROLLBACK').catch((failure: Error) => (broken = failure));
      throw error;
    } finally {
      client.release(broken);
    }
  }
}

function resultOf(fold: JournalFold, began: number, differences: Difference[], total: number): VersionResult {
  const seconds = (performance.now() - began) / 1000;
  return {
    events: fold.events,
    seconds: Math.round(seconds * 1000) / 1000,
    events_per_second: Math.round(fold.events / seconds),
    differences: differences.slice(0, 100),
    differences_total: total,
  };
}
