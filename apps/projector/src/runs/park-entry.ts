import { type Entry, stepIdOf } from './batch-reader.js';
import type { FoldedBatch } from './fold-batch.js';
import { outcomeOf, type OutcomeRow } from './outcome-row.js';

/** A batch of one event that PostgreSQL refuses: only its outcome is written, and told. */
export function parkEntry(entry: Entry, sqlstate: string, recordedAt: string): FoldedBatch {
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
    recorded_at: recordedAt,
  };
  const told = { entry, outcome: outcomeOf(row), event: undefined, after: undefined, noticed: false };
  return { journal: [], outcomes: [row], keys: [], rejections: [], erased: [], told: [told] };
}
