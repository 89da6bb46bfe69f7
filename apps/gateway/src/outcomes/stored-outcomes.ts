import { Inject, Injectable } from '@nestjs/common';
import type { Outcome, RecordedEvent, RejectionReason, Run, StepResource } from '@runspine/contracts';
import type { openPool } from '@runspine/projections';
import { Replay } from '@runspine/run-model';
import { POOL } from '../tokens.js';

interface OutcomeRow {
  tenant_id: string;
  event_id: string;
  hash: string;
  outcome: Outcome['outcome'];
  env: string;
  run_id: string;
  step_id: string | null;
  first_event_id: string;
  run_sequence: number;
  room_sequence: number | null;
  reason: string;
  current: string | null;
  version: number | null;
  sqlstate: string;
}

/** What writes ask of PostgreSQL: only where the feed did not tell, or a repeat needs the state of back then. */
@Injectable()
export class StoredOutcomes {
  constructor(@Inject(POOL) private readonly pool: ReturnType<typeof openPool>) {}

  /** Recorded outcomes by event id, each with the hash of its type and data. */
  async outcomesOf(
    tenantId: string,
    eventIds: readonly string[],
  ): Promise<ReadonlyMap<string, { hash: string; outcome: Outcome }>> {
    const rows = await this.read<OutcomeRow>(
      tenantId,
      `SELECT tenant_id, event_id, encode(hash, 'hex') AS hash, outcome, env, run_id, step_id, first_event_id,
              run_sequence, room_sequence, reason, current, version, sqlstate
         FROM event_outcomes WHERE tenant_id = $1 AND event_id = ANY($2::uuid[])`,
      [tenantId, eventIds],
    );
    return new Map(rows.map((row) => [row.event_id, { hash: row.hash, outcome: outcomeOf(row) }]));
  }

  /** True where the tenant and env have this run. */
  async runExists(tenantId: string, env: string, runId: string): Promise<boolean> {
    const rows = await this.read(
      tenantId,
      'SELECT 1 FROM proj_runs WHERE tenant_id = $1 AND run_id = $2 AND env = $3',
      [tenantId, runId, env],
    );
    return rows.length > 0;
  }

  /** The run, and one of its steps, as they were after the event at `sequence`. */
  async stateAt(
    tenantId: string,
    runId: string,
    sequence: number,
    stepId: string | null,
  ): Promise<{ run: Run; step?: StepResource } | undefined> {
    const rows = await this.read<RecordedEvent>(
      tenantId,
      `SELECT event_id, type, time, source, tenant_id, env, project_id, surface_id, run_id, step_id, room_id,
              run_sequence, room_sequence, correlation_id, causation_id, producer_correlation_id,
              producer_causation_id, traceparent, recorded_at, data
         FROM run_events WHERE tenant_id = $1 AND run_id = $2 AND run_sequence <= $3 ORDER BY run_sequence`,
      [tenantId, runId, sequence],
    );
    const replay = new Replay();
    for (const event of rows) replay.apply(event);
    if (!replay.run) return undefined;
    const step = stepId === null ? undefined : replay.steps.get(stepId);
    return { run: replay.run, ...(step ? { step } : {}) };
  }

  /** One statement in a transaction that row-level security holds to the tenant. */
  private async read<Row extends object>(tenantId: string, sql: string, values: unknown[]): Promise<Row[]> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query('BEGIN READ ONLY');
      await client.query(`SELECT set_config('runspine.tenant', $1, true)`, [tenantId]);
      const { rows } = await client.query<Row>(sql, values);
      await client.query('COMMIT');
      return rows;
    } catch (error) {
      broken = error as Error;
      throw error;
    } finally {
      client.release(broken);
    }
  }
}

function outcomeOf(row: OutcomeRow): Outcome {
  const { event_id, tenant_id, env, run_id, step_id, first_event_id } = row;
  const about = { event_id, tenant_id, env, run_id, step_id, first_event_id, repeat: first_event_id !== event_id };
  if (row.outcome === 'applied') {
    return { ...about, outcome: 'applied', run_sequence: row.run_sequence, room_sequence: row.room_sequence };
  }
  if (row.outcome === 'parked') return { ...about, outcome: 'parked', sqlstate: row.sqlstate };
  const { current, version } = row;
  return { ...about, outcome: 'rejected', reason: row.reason as RejectionReason, current, version };
}
