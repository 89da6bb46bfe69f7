import { type EventOutcomeResource, type RejectionResource, ServiceError } from '@runspine/contracts';
import { EventOutcomeEntity, type EventOutcomeRow } from '../entities/event-outcome.entity.js';
import { RejectionEntity, type RejectionRow } from '../entities/rejection.entity.js';
import { type JournalEntry, selectEntries } from './journal-entry.js';
import type { ReadStore } from './read-store.js';
import { type Page, pageOf, type Scope, selectRows } from './select-rows.js';

/** An event's outcome, and its entry in the journal where it has one. */
export interface RecordedOutcome {
  outcome: Omit<EventOutcomeResource, 'event'>;
  entry: JournalEntry | undefined;
}

/** What rejections are listed by. */
export interface RejectionFilters {
  run_id?: string | undefined;
  reason?: string | undefined;
}

/** Where a page of rejections ends. */
export interface RejectionPosition {
  recorded_at: string;
  source_partition: number;
  source_offset: number;
}

const OUTCOME_COLUMNS = [
  'event_id',
  'outcome',
  'first_event_id',
  'run_id',
  'step_id',
  'run_sequence',
  'room_sequence',
  'reason',
  'current',
  'version',
  'sqlstate',
  'recorded_at',
] as const satisfies readonly (keyof EventOutcomeRow)[];

/** Reads of `event_outcomes` and `rejections`. */
export class OutcomeQueries {
  constructor(private readonly store: ReadStore) {}

  /**
   * What became of an event.
   * @throws ServiceError `event.not_recorded`: on its way, never sent, or another env's.
   */
  find(scope: Scope, eventId: string): Promise<RecordedOutcome> {
    return this.store.read(scope.tenantId, async (tx) => {
      const outcome = await selectRows(tx, EventOutcomeEntity, OUTCOME_COLUMNS)
        .where('it.tenant_id = :tenantId AND it.env = :env', { ...scope })
        .andWhere('it.event_id = :eventId', { eventId })
        .getRawOne<Omit<EventOutcomeResource, 'event'>>();
      if (!outcome) throw new ServiceError('event.not_recorded', undefined, { event_id: eventId });
      if (outcome.outcome !== 'applied') return { outcome, entry: undefined };
      // A heartbeat names the sequence of the event before it: only an entry of its own id is its own.
      const entry = await selectEntries(tx)
        .where('it.tenant_id = :tenantId AND it.env = :env', { ...scope })
        .andWhere('it.run_id = :runId AND it.run_sequence = :runSequence', {
          runId: outcome.run_id,
          runSequence: outcome.run_sequence,
        })
        .andWhere('it.event_id = :firstEventId', { firstEventId: outcome.first_event_id })
        .getRawOne<JournalEntry>();
      return { outcome, entry };
    });
  }

  /** Refused events, newest first. */
  rejections(
    scope: Scope,
    filters: RejectionFilters,
    page: { limit: number; after?: RejectionPosition | undefined },
  ): Promise<Page<RejectionResource, RejectionPosition>> {
    return this.store.read(scope.tenantId, async (tx) => {
      const query = selectRows(tx, RejectionEntity).where('it.tenant_id = :tenantId AND it.env = :env', { ...scope });
      if (filters.run_id !== undefined) query.andWhere('it.run_id = :runId', { runId: filters.run_id });
      if (filters.reason !== undefined) query.andWhere('it.reason = :reason', { reason: filters.reason });
      if (page.after) {
        query.andWhere(
          '(it.recorded_at, it.source_partition, it.source_offset) < (CAST(:recordedAt AS timestamptz), :partition, :offset)',
          {
            recordedAt: page.after.recorded_at,
            partition: page.after.source_partition,
            offset: page.after.source_offset,
          },
        );
      }
      query.orderBy('it.recorded_at', 'DESC').addOrderBy('it.source_partition', 'DESC');
      query.addOrderBy('it.source_offset', 'DESC').limit(page.limit + 1);
      return pageOf(
        await query.getRawMany<RejectionRow>(),
        page.limit,
        rejectionResource,
        ({ recorded_at, source_partition, source_offset }) => ({ recorded_at, source_partition, source_offset }),
      );
    });
  }
}

function rejectionResource(row: RejectionRow): RejectionResource {
  const { tenant_id: _tenant, source_partition: _partition, source_offset: _offset, ...resource } = row;
  return resource;
}
