import { createHash } from 'node:crypto';
import {
  nexusEvent,
  type NexusEvent,
  type NexusEventData,
  type NexusEventType,
  type TaskError,
} from '@runspine/contracts';
import type { IngestTask } from './task.js';

const SOURCE = '/nexus';
/** What an event's errors may take; an event has at most 256 KiB. */
const ERRORS_BYTES_MAX = 160 * 1024;

/** The end of a task: completed, with its refused documents named, or failed. The same task has the same event id. */
export function outcomeOf(task: IngestTask): NexusEvent {
  const { documents, chunks } = task;
  const version = task.version === undefined ? {} : { version: task.version };
  const about = { task_id: task.id, space: task.event.data.space, documents, chunks, ...version };
  const errors = boundedErrors(task.errors);
  if (task.failed) return made(task, 'nexus.ingest_failed', [task.id], { ...about, errors });
  return made(task, 'nexus.ingest_completed', [task.id], errors.length > 0 ? { ...about, errors } : about);
}

/** A commit as progress of tasks of one tenant, project and surface in one space. */
export function indexedOf(
  tasks: readonly [IngestTask, ...IngestTask[]],
  commit: { version: number; documents: number; chunks: number; model: string; dimension: number },
): NexusEvent {
  const [first] = tasks;
  const progress = tasks.map(({ id, documents, chunks }) => ({ task_id: id, documents, chunks }));
  return made(first, 'nexus.indexed', [first.path, first.event.tenantid, String(commit.version)], {
    space: first.event.data.space,
    ...commit,
    tasks: progress,
  });
}

function made<T extends NexusEventType>(
  { event }: IngestTask,
  type: T,
  names: string[],
  data: NexusEventData<T>,
): NexusEvent {
  const { tenantid, env, projectid, surfaceid, correlationid, traceparent } = event;
  const envelope = {
    id: eventIdOf(type, ...names),
    source: SOURCE,
    time: new Date().toISOString(),
    tenantid,
    env,
    projectid,
    surfaceid,
    ...(correlationid === undefined ? {} : { correlationid }),
    ...(traceparent === undefined ? {} : { traceparent }),
    causationid: event.id,
  };
  return nexusEvent(type, envelope, data);
}

/** A UUID of version 8 (RFC 9562) from names: made again, it is the same. */
export function eventIdOf(...names: string[]): string {
  const hex = createHash('sha256').update(JSON.stringify(names)).digest('hex');
  const variant = ((Number.parseInt(hex[16] as string, 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function boundedErrors(errors: readonly TaskError[]): TaskError[] {
  let bytes = 0;
  for (const [index, error] of errors.entries()) {
    bytes += Buffer.byteLength(JSON.stringify(error));
    if (bytes <= ERRORS_BYTES_MAX) continue;
    const last = errors.at(-1) as TaskError;
    const rest = `${errors.length - index} more documents were refused; the last: ${last.message}`;
    return [...errors.slice(0, index), { code: last.code, message: rest }];
  }
  return [...errors];
}
