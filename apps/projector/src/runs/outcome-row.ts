import type { Outcome, RejectionReason } from '@runspine/contracts';

/** A row of `event_outcomes`. */
export interface OutcomeRow {
  tenant_id: string;
  event_id: string;
  /** Hex SHA-256 of type and data. */
  hash: string;
  outcome: 'applied' | 'rejected' | 'parked';
  env: string;
  run_id: string;
  step_id: string | null;
  first_event_id: string;
  run_sequence: number | null;
  room_sequence: number | null;
  reason: string | null;
  current: string | null;
  version: number | null;
  sqlstate: string | null;
  recorded_at: string;
}

/** A row as an outcome; `eventId` is the event that asks, `repeat` whether it was told before. */
export function outcomeOf(row: OutcomeRow, eventId: string = row.event_id, repeat = false): Outcome {
  const base = {
    event_id: eventId,
    tenant_id: row.tenant_id,
    env: row.env,
    run_id: row.run_id,
    step_id: row.step_id,
    repeat,
    first_event_id: row.first_event_id,
  };
  if (row.outcome === 'applied') {
    return { ...base, outcome: 'applied', run_sequence: row.run_sequence ?? 0, room_sequence: row.room_sequence };
  }
  if (row.outcome === 'parked') return { ...base, outcome: 'parked', sqlstate: row.sqlstate ?? '' };
  return {
    ...base,
    outcome: 'rejected',
    reason: row.reason as RejectionReason,
    current: row.current,
    version: row.version,
  };
}
