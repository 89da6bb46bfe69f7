import type { EntityManager } from 'typeorm';
import { ChunkSize, type JournalEntry, selectEntries } from './journal-entry.js';
import type { ReadStore } from './read-store.js';
import { loadRunVersion } from './run-queries.js';
import { type Page, pageOf, type Scope } from './select-rows.js';

/** What a run's events are listed by. */
export interface EventFilters {
  /** Id of the step. */
  step?: string | undefined;
  type?: string | undefined;
}

/** Where a page of a correlation's events ends. */
export interface CorrelationPosition {
  recorded_at: string;
  run_id: string;
  run_sequence: number;
}

/** Reads of the journal. */
export class JournalQueries {
  constructor(private readonly store: ReadStore) {}

  /**
   * Events of a run in order, `after` a run sequence.
   * @throws ServiceError `run.not_found`
   */
  ofRun(
    scope: Scope,
    runId: string,
    filters: EventFilters,
    page: { limit: number; after: number },
  ): Promise<Page<JournalEntry, number>> {
    return this.store.read(scope.tenantId, async (tx) => {
      await loadRunVersion(tx, scope, runId);
      const rows = await entriesOfRun(tx, scope, runId, filters, { after: page.after, limit: page.limit + 1 });
      return pageOf(
        rows,
        page.limit,
        (row) => row,
        (row) => row.run_sequence,
      );
    });
  }

  /**
   * All events of a run after a sequence, as far as it is when the reading begins, in chunks of bounded size. No
   * transaction stays open between chunks, so a slow reader holds nothing up. The first chunk may be empty.
   * @throws ServiceError `run.not_found` at the first chunk
   */
  async *chunksOfRun(
    scope: Scope,
    runId: string,
    filters: EventFilters,
    from: { after: number; limit?: number | undefined },
  ): AsyncGenerator<JournalEntry[], void, void> {
    const size = new ChunkSize();
    const { version } = await this.store.read(scope.tenantId, (tx) => loadRunVersion(tx, scope, runId));
    let { after } = from;
    let left = from.limit ?? Number.POSITIVE_INFINITY;
    while (left > 0) {
      const limit = Math.min(size.entries, left);
      const range = { after, until: version, limit };
      const rows = await this.store.read(scope.tenantId, (tx) => entriesOfRun(tx, scope, runId, filters, range));
      yield rows;
      size.learn(rows);
      left -= rows.length;
      if (rows.length < limit) return;
      after = rows.at(-1)!.run_sequence;
    }
  }

  /** Events of a room in order, after a room sequence. A room without events has none. */
  ofRoom(scope: Scope, roomId: string, range: { after: number; limit: number }): Promise<JournalEntry[]> {
    return this.store.read(scope.tenantId, (tx) =>
      selectEntries(tx)
        .where('it.tenant_id = :tenantId AND it.env = :env AND it.room_id = :roomId', { ...scope, roomId })
        .andWhere('it.room_sequence > :after', { after: range.after })
        .orderBy('it.room_sequence')
        .limit(range.limit)
        .getRawMany<JournalEntry>(),
    );
  }

  /** Events of a run in order, after a run sequence; none of an unknown run. */
  afterInRun(scope: Scope, runId: string, range: { after: number; limit: number }): Promise<JournalEntry[]> {
    return this.store.read(scope.tenantId, (tx) => entriesOfRun(tx, scope, runId, {}, range));
  }

  /** Events of a correlation over all runs, in order of recording, then of run and sequence. */
  ofCorrelation(
    scope: Scope,
    correlationId: string,
    page: { limit: number; after?: CorrelationPosition | undefined },
  ): Promise<Page<JournalEntry, CorrelationPosition>> {
    return this.store.read(scope.tenantId, async (tx) => {
      const query = selectEntries(tx).where(
        `it.tenant_id = :tenantId AND it.env = :env AND it.run_id IN (SELECT run.run_id FROM proj_runs run
          WHERE run.tenant_id = :tenantId AND run.env = :env AND run.correlation_id = :correlationId)`,
        { ...scope, correlationId },
      );
      if (page.after) {
        query.andWhere(
          '(it.recorded_at, it.run_id, it.run_sequence) > (CAST(:recordedAt AS timestamptz), :runId, :runSequence)',
          {
            recordedAt: page.after.recorded_at,
            runId: page.after.run_id,
            runSequence: page.after.run_sequence,
          },
        );
      }
      query
        .orderBy('it.recorded_at')
        .addOrderBy('it.run_id')
        .addOrderBy('it.run_sequence')
        .limit(page.limit + 1);
      return pageOf(
        await query.getRawMany<JournalEntry>(),
        page.limit,
        (row) => row,
        ({ recorded_at, run_id, run_sequence }) => ({ recorded_at, run_id, run_sequence }),
      );
    });
  }
}

/** Entries of one run in order, within a read. */
export function entriesOfRun(
  tx: EntityManager,
  scope: Scope,
  runId: string,
  filters: EventFilters,
  range: { after: number; limit: number; until?: number },
): Promise<JournalEntry[]> {
  const query = selectEntries(tx)
    .where('it.tenant_id = :tenantId AND it.env = :env AND it.run_id = :runId', { ...scope, runId })
    .andWhere('it.run_sequence > :after', { after: range.after });
  if (range.until !== undefined) query.andWhere('it.run_sequence <= :until', { until: range.until });
  if (filters.step !== undefined) query.andWhere('it.step_id = :step', { step: filters.step });
  if (filters.type !== undefined) query.andWhere('it.type = :type', { type: filters.type });
  return query.orderBy('it.run_sequence').limit(range.limit).getRawMany<JournalEntry>();
}
