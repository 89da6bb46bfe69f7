import type { TaskResource } from '@runspine/contracts';
import { EntitySchema } from 'typeorm';
import { bigint, bigintOrNull, jsonb, key, text, textOrNull, time, timeOrNull } from './columns.js';

/** A row of `proj_nexus_tasks`. */
export interface NexusTaskRow extends Omit<TaskResource, 'project' | 'surface'> {
  tenant_id: string;
  env: string;
  project_id: string;
  surface_id: string;
  /** The path of its space. */
  stream: string;
  /** Hash of route and body, where the request had an idempotency key. */
  request_hash: string | null;
}

export const NexusTaskEntity = new EntitySchema<NexusTaskRow>({
  name: 'NexusTask',
  tableName: 'proj_nexus_tasks',
  columns: {
    tenant_id: key,
    task_id: key,
    env: text,
    project_id: text,
    surface_id: text,
    space_id: text,
    scope: text,
    stream: text,
    status: text,
    documents: bigint,
    documents_done: bigint,
    chunks: bigint,
    version: bigintOrNull,
    errors: jsonb,
    request_hash: textOrNull,
    created_at: time,
    updated_at: time,
    ended_at: timeOrNull,
  },
});
