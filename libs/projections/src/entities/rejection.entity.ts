import type { RejectionResource } from '@runspine/contracts';
import { EntitySchema } from 'typeorm';
import { bigint, bigintOrNull, integer, json, key, text, textOrNull, time, uuid } from './columns.js';

/** A row of `rejections`: a readable event that the state machine refused, by its place in the log. */
export interface RejectionRow extends RejectionResource {
  tenant_id: string;
  source_partition: number;
  source_offset: number;
}

export const RejectionEntity = new EntitySchema<RejectionRow>({
  name: 'Rejection',
  tableName: 'rejections',
  columns: {
    tenant_id: key,
    source_partition: { ...integer, primary: true },
    source_offset: { ...bigint, primary: true },
    env: text,
    event_id: { ...uuid, primary: true },
    type: text,
    run_id: text,
    step_id: textOrNull,
    reason: text,
    current: textOrNull,
    version: bigintOrNull,
    time,
    recorded_at: time,
    source: text,
    correlation_id: textOrNull,
    data: json,
  },
});
