import { EntitySchema } from 'typeorm';
import { bigintOrNull, bytes, key, text, textOrNull, time, uuid } from './columns.js';

/** A row of `event_outcomes`: what became of an event, by its id. */
export interface EventOutcomeRow {
  tenant_id: string;
  event_id: string;
  /** SHA-256 of the event's type and canonical data. */
  hash: Buffer;
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

export const EventOutcomeEntity = new EntitySchema<EventOutcomeRow>({
  name: 'EventOutcome',
  tableName: 'event_outcomes',
  columns: {
    tenant_id: key,
    event_id: { ...uuid, primary: true },
    hash: bytes,
    outcome: text,
    env: text,
    run_id: text,
    step_id: textOrNull,
    first_event_id: uuid,
    run_sequence: bigintOrNull,
    room_sequence: bigintOrNull,
    reason: textOrNull,
    current: textOrNull,
    version: bigintOrNull,
    sqlstate: textOrNull,
    recorded_at: time,
  },
});
