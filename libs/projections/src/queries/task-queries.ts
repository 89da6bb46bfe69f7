import type { TaskResource } from '@runspine/contracts';
import { NexusTaskEntity, type NexusTaskRow } from '../entities/nexus-task.entity.js';
import type { ReadStore } from './read-store.js';
import { type Scope, selectRows } from './select-rows.js';

/** A task, and what it was asked by. */
export interface RecordedTask {
  task: TaskResource;
  /** Hash of route and body, where the request had an idempotency key. */
  requestHash: string | null;
}

/** Reads of `proj_nexus_tasks`. */
export class TaskQueries {
  constructor(private readonly store: ReadStore) {}

  /**
   * A task of this tenant and env; undefined where it is not recorded.
   * @throws ServiceError `store.unavailable`
   */
  find(scope: Scope, taskId: string): Promise<RecordedTask | undefined> {
    return this.store.read(scope.tenantId, async (tx) => {
      const row = await selectRows(tx, NexusTaskEntity)
        .where('it.tenant_id = :tenantId AND it.env = :env', { tenantId: scope.tenantId, env: scope.env })
        .andWhere('it.task_id = :taskId', { taskId })
        .getRawOne<NexusTaskRow>();
      return row && { task: resourceOf(row), requestHash: row.request_hash };
    });
  }
}

function resourceOf(row: NexusTaskRow): TaskResource {
  return {
    task_id: row.task_id,
    space_id: row.space_id,
    scope: row.scope,
    project: row.project_id,
    surface: row.surface_id,
    status: row.status,
    documents: row.documents,
    documents_done: row.documents_done,
    chunks: row.chunks,
    version: row.version,
    errors: row.errors,
    created_at: row.created_at,
    updated_at: row.updated_at,
    ended_at: row.ended_at,
  };
}
