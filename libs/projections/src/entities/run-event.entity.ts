import type { RecordedAttributes } from '@runspine/contracts';
import { EntitySchema } from 'typeorm';
import {
  bigint,
  bigintOrNull,
  bytes,
  bytesOrNull,
  integer,
  json,
  key,
  text,
  textOrNull,
  time,
  uuid,
} from './columns.js';

/** A row of the journal, `run_events`. */
export interface RunEventRow extends RecordedAttributes {
  type: string;
  source_partition: number;
  source_offset: number;
  data: unknown;
  data_hash: Buffer;
  prev_hash: Buffer | null;
  hash: Buffer;
}

export const RunEventEntity = new EntitySchema<RunEventRow>({
  name: 'RunEvent',
  tableName: 'run_events',
  columns: {
    tenant_id: key,
    run_id: key,
    run_sequence: { ...bigint, primary: true },
    event_id: uuid,
    type: text,
    time,
    recorded_at: time,
    source: text,
    env: text,
    project_id: text,
    surface_id: text,
    step_id: textOrNull,
    room_id: textOrNull,
    room_sequence: bigintOrNull,
    correlation_id: text,
    causation_id: textOrNull,
    producer_correlation_id: textOrNull,
    producer_causation_id: textOrNull,
    traceparent: textOrNull,
    source_partition: integer,
    source_offset: bigint,
    data: json,
    data_hash: bytes,
    prev_hash: bytesOrNull,
    hash: bytes,
  },
});
