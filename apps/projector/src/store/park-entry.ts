import type { Outcome } from '@runspine/contracts';
import { type Entry, stepIdOf } from '../runs/batch-reader.js';
import { outcomeOf, type OutcomeRow } from '../runs/outcome-row.js';
import type { Transaction } from './transaction.js';

const PARK = {
  name: 'park',
  text: `INSERT INTO event_outcomes (tenant_id, event_id, hash, outcome, env, run_id, step_id, first_event_id, sqlstate, recorded_at)
         VALUES ($1, $2, decode($3, 'hex'), 'parked', $4, $5, $6, $2, $7, $8) ON CONFLICT DO NOTHING`,
};

/** Records that an event was parked; an outcome that its id has already stays. */
export async function parkEntry(tx: Transaction, entry: Entry, sqlstate: string): Promise<Outcome> {
  const { event, hash } = entry;
  const row: OutcomeRow = {
    tenant_id: event.tenantid,
    event_id: event.id,
    hash,
    outcome: 'parked',
    env: event.env,
    run_id: event.data.run_id,
    step_id: stepIdOf(event),
    first_event_id: event.id,
    run_sequence: null,
    room_sequence: null,
    reason: null,
    current: null,
    version: null,
    sqlstate,
    recorded_at: new Date().toISOString(),
  };
  await tx.query(PARK, [
    row.tenant_id,
    row.event_id,
    hash,
    row.env,
    row.run_id,
    row.step_id,
    sqlstate,
    row.recorded_at,
  ]);
  return outcomeOf(row);
}
