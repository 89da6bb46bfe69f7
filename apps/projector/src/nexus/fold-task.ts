import type { NexusEvent, NexusEventType, SpaceRef, TaskError, TaskResource } from '@runspine/contracts';
import { documentsOf } from './nexus-entry.js';

/** A task as `proj_nexus_tasks` has it. */
export interface TaskRow extends Omit<TaskResource, 'project' | 'surface'> {
  tenant_id: string;
  env: string;
  project_id: string;
  surface_id: string;
  /** The path of its space: the Kafka key of its events. */
  stream: string;
  request_hash: string | null;
  /** The research run that it counts for; null while no event of its own was seen. */
  research_id: string | null;
}

type EventOf<T extends NexusEventType> = Extract<NexusEvent, { type: T }>;
/** Events that are of one task. */
export type TaskEvent = EventOf<'nexus.ingest_requested' | 'nexus.ingest_completed' | 'nexus.ingest_failed'>;

/** True for events of one task; `nexus.indexed` is of several. */
export function isTaskEvent(event: NexusEvent): event is TaskEvent {
  return (
    event.type === 'nexus.ingest_requested' ||
    event.type === 'nexus.ingest_completed' ||
    event.type === 'nexus.ingest_failed'
  );
}

/** A task of which nothing is known yet but that this event names it. */
export function emptyTask(event: NexusEvent & { data: { space: SpaceRef } }, taskId: string): TaskRow {
  const { space } = event.data;
  return {
    tenant_id: event.tenantid,
    task_id: taskId,
    env: event.env,
    project_id: space.project,
    surface_id: space.surface,
    space_id: space.space_id,
    scope: space.scope,
    stream: event.partitionkey,
    status: 'queued',
    documents: 0,
    documents_done: 0,
    chunks: 0,
    version: null,
    errors: [],
    request_hash: null,
    research_id: null,
    created_at: event.time,
    updated_at: event.time,
    ended_at: null,
  };
}

/** Whether an event may speak of a task: its tenant, env and space are the task's. */
export function belongsTo(task: TaskRow, event: NexusEvent): boolean {
  return task.tenant_id === event.tenantid && task.env === event.env && task.stream === event.partitionkey;
}

/**
 * A task after one of its events. Events may come out of their order, and again: counts only rise, an end stays an end,
 * and a failed task that was done after all, as a replay of the log can do it, is completed.
 */
export function evolveTask(task: TaskRow, event: TaskEvent): TaskRow {
  if (event.type === 'nexus.ingest_requested') {
    return {
      ...task,
      documents: documentsOf(event.data),
      request_hash: event.idempotencyhash ?? null,
      created_at: event.time,
    };
  }
  if (task.status === 'completed') return task;
  const { data } = event;
  const progressed = progress(task, data.documents ?? 0, data.chunks ?? 0, data.version, event.time);
  const status = event.type === 'nexus.ingest_completed' ? 'completed' : 'failed';
  return { ...progressed, status, errors: (data.errors ?? []) as TaskError[], ended_at: event.time };
}

/** A task after a commit that served it. */
export function progress(
  task: TaskRow,
  documentsDone: number,
  chunks: number,
  version: number | undefined,
  time: string,
): TaskRow {
  return {
    ...task,
    status: task.status === 'queued' ? 'running' : task.status,
    documents_done: Math.max(task.documents_done, documentsDone),
    chunks: Math.max(task.chunks, chunks),
    version: version === undefined ? task.version : Math.max(task.version ?? 0, version),
    updated_at: time > task.updated_at ? time : task.updated_at,
  };
}
