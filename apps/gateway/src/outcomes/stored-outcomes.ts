import { Inject, Injectable } from '@nestjs/common';
import type { Outcome, RejectionReason, Run, StepResource } from '@runspine/contracts';
import { type EventOutcomeRow, ReadStore, StateQueries } from '@runspine/projections';

/** What writes ask of PostgreSQL: only where the feed did not tell, or a repeat needs the state of back then. */
@Injectable()
export class StoredOutcomes {
  constructor(
    @Inject(ReadStore) private readonly store: ReadStore,
    @Inject(StateQueries) private readonly states: StateQueries,
  ) {}

  /**
   * Recorded outcomes by event id, each with the hash (hex) of its type and data.
   * @throws ServiceError `store.unavailable`
   */
  async outcomesOf(
    tenantId: string,
    eventIds: readonly string[],
  ): Promise<ReadonlyMap<string, { hash: string; outcome: Outcome }>> {
    const rows = await this.store.read(tenantId, (tx) =>
      tx.query<EventOutcomeRow[]>('SELECT * FROM event_outcomes WHERE tenant_id = $1 AND event_id = ANY($2::uuid[])', [
        tenantId,
        eventIds,
      ]),
    );
    return new Map(rows.map((row) => [row.event_id, { hash: row.hash.toString('hex'), outcome: outcomeOf(row) }]));
  }

  /** True where the tenant and env have this run. @throws ServiceError `store.unavailable` */
  async runExists(tenantId: string, env: string, runId: string): Promise<boolean> {
    const rows = await this.store.read(tenantId, (tx) =>
      tx.query<unknown[]>('SELECT 1 FROM proj_runs WHERE tenant_id = $1 AND run_id = $2 AND env = $3', [
        tenantId,
        runId,
        env,
      ]),
    );
    return rows.length > 0;
  }

  /** The run, and the step that the event addressed, as they were after it. @throws ServiceError `store.unavailable` */
  async stateAfter(outcome: Outcome & { outcome: 'applied' }): Promise<{ run: Run; step?: StepResource }> {
    const scope = { tenantId: outcome.tenant_id, env: outcome.env };
    const { run, steps } = await this.states.stateAfter(scope, outcome.run_id, outcome.run_sequence);
    const step = steps.find(({ step_id }) => step_id === outcome.step_id);
    return { run, ...(step ? { step } : {}) };
  }
}

function outcomeOf(row: EventOutcomeRow): Outcome {
  const { event_id, tenant_id, env, run_id, step_id, first_event_id } = row;
  const about = { event_id, tenant_id, env, run_id, step_id, first_event_id, repeat: first_event_id !== event_id };
  if (row.outcome === 'applied') {
    return { ...about, outcome: 'applied', run_sequence: row.run_sequence ?? 0, room_sequence: row.room_sequence };
  }
  if (row.outcome === 'parked') return { ...about, outcome: 'parked', sqlstate: row.sqlstate ?? '' };
  const { current, version } = row;
  return { ...about, outcome: 'rejected', reason: row.reason as RejectionReason, current, version };
}
