import type { StepState } from '@runspine/run-model';
import { EntitySchema } from 'typeorm';
import {
  bigint,
  integer,
  jsonb,
  jsonbOrNull,
  key,
  numberOrNull,
  text,
  textOrNull,
  time,
  timeOrNull,
  uuid,
} from './columns.js';

/** A row of `proj_steps`: a step as its events left it. */
export interface StepRow extends StepState {
  tenant_id: string;
}

export const StepEntity = new EntitySchema<StepRow>({
  name: 'Step',
  tableName: 'proj_steps',
  columns: {
    tenant_id: key,
    run_id: key,
    step_id: key,
    name: textOrNull,
    kind: textOrNull,
    parent_step_id: textOrNull,
    depends_on: jsonb,
    attempt: integer,
    status: text,
    inputs: jsonbOrNull,
    output: jsonbOrNull,
    error: jsonbOrNull,
    skip_reason: textOrNull,
    source: textOrNull,
    duration_ms: numberOrNull,
    metrics: jsonb,
    own_metrics: jsonb,
    detail_metrics: jsonb,
    created_at: time,
    started_at: timeOrNull,
    ended_at: timeOrNull,
    created_sequence: bigint,
    last_event_id: uuid,
  },
});
