import type { KeyObject } from 'node:crypto';
import type { ErrorCode, NexusEvent, SpaceRef } from '@runspine/contracts';
import { type ChainedNexusEntry, hashNexusEntry } from '@runspine/projections/journal';
import { changesOf, joined, type ResearchChange, researchIdOf } from '../research-runs/research-changes.js';
import { belongsTo, emptyTask, evolveTask, isTaskEvent, progress, type TaskRow } from './fold-task.js';
import type { NexusEntry, SetAside } from './nexus-entry.js';

/** What is recorded of what a batch touches. */
export interface NexusState {
  /** The last entry of each stream that has one. */
  heads: Map<string, { sequence: number; hash: string }>;
  /** What came before under the batch's event ids, by {@link eventKey}. */
  known: Map<string, { type: string; dataHash: string }>;
  /** Tasks that the batch names, of whichever tenant, by {@link taskKey}. */
  tasks: Map<string, TaskRow>;
}

/** A row of `nexus_events`. */
export interface NexusEventRow extends ChainedNexusEntry {
  data: string;
  prev_hash: string | null;
  hash: string;
}

/** What a batch comes to. */
export interface FoldedNexus {
  events: NexusEventRow[];
  tasks: TaskRow[];
  /** What is added to research runs, a change a run. */
  research: ResearchChange[];
  setAside: SetAside[];
}

/** Work that is done again is told under its first id, in other words maybe: of another version, say. The first counts. */
const TOLD_AGAIN: ReadonlySet<string> = new Set(['nexus.indexed', 'nexus.ingest_completed', 'nexus.ingest_failed']);

export const eventKey = (tenantId: string, eventId: string) => `${tenantId}/${eventId}`;
export const taskKey = (tenantId: string, taskId: string) => `${tenantId}/${taskId}`;

/** Folds readable entries, in order. A repeat changes nothing; what contradicts the record is set aside. */
export function foldNexus(
  entries: readonly NexusEntry[],
  state: NexusState,
  journalKey: KeyObject,
  recordedAt: string,
): FoldedNexus {
  const events: NexusEventRow[] = [];
  const setAside: SetAside[] = [];
  const changed = new Map<string, TaskRow>();
  const research: ResearchChange[] = [];
  const owners = ownersOf(state);
  for (const entry of entries) {
    const { event, dataHash, record } = entry;
    const id = eventKey(event.tenantid, event.id);
    const before = state.known.get(id);
    if (before) {
      if (before.type === event.type && (before.dataHash === dataHash || TOLD_AGAIN.has(event.type))) continue;
      setAside.push({ record, fault: fault('event.id_reused', 'id', 'came before with another type or other data') });
      continue;
    }
    const tasks = foldTasks(event, state, owners);
    if (!tasks) {
      setAside.push({ record, fault: fault('nexus.task_mismatch', '/data/task_id', 'is of another owner or space') });
      continue;
    }
    const moves = tasks.map((after) => ({ before: state.tasks.get(taskKey(after.tenant_id, after.task_id)), after }));
    research.push(...changesOf(event, moves));
    for (const task of tasks) {
      const key = taskKey(task.tenant_id, task.task_id);
      state.tasks.set(key, task);
      owners.set(task.task_id, (owners.get(task.task_id) ?? new Set()).add(task.tenant_id));
      changed.set(key, task);
    }
    state.known.set(id, { type: event.type, dataHash });
    events.push(chained(entry, state, journalKey, recordedAt));
  }
  return { events, tasks: [...changed.values()], research: joined(research), setAside };
}

/** The tasks that an event changes, as they are after it; undefined where it speaks of one that is not its own. */
function foldTasks(event: NexusEvent, state: NexusState, owners: Map<string, Set<string>>): TaskRow[] | undefined {
  const find = (taskId: string): TaskRow | undefined => {
    const own = state.tasks.get(taskKey(event.tenantid, taskId));
    if (own) return belongsTo(own, event) ? own : undefined;
    // Who begins a task makes it its own; who only speaks of it must not speak of another's.
    if (event.type !== 'nexus.ingest_requested' && owners.has(taskId)) return undefined;
    return emptyTask(event as NexusEvent & { data: { space: SpaceRef } }, taskId);
  };
  if (isTaskEvent(event)) {
    const task = find(event.data.task_id);
    return task && [{ ...evolveTask(task, event), research_id: task.research_id ?? researchIdOf(event) }];
  }
  if (event.type !== 'nexus.indexed') return [];
  return event.data.tasks.flatMap(({ task_id, documents, chunks }) => {
    const task = find(task_id);
    return task ? [progress(task, documents, chunks, event.data.version, event.time)] : [];
  });
}

function ownersOf(state: NexusState): Map<string, Set<string>> {
  const owners = new Map<string, Set<string>>();
  for (const { task_id, tenant_id } of state.tasks.values()) {
    owners.set(task_id, (owners.get(task_id) ?? new Set()).add(tenant_id));
  }
  return owners;
}

function chained(entry: NexusEntry, state: NexusState, journalKey: KeyObject, recordedAt: string): NexusEventRow {
  const { event, record, dataText, dataHash } = entry;
  const stream = event.partitionkey;
  const head = state.heads.get(stream);
  const row: ChainedNexusEntry = {
    stream,
    sequence: (head?.sequence ?? 0) + 1,
    tenant_id: event.tenantid,
    env: event.env,
    project_id: event.projectid,
    surface_id: event.surfaceid,
    event_id: event.id,
    type: event.type,
    time: event.time,
    recorded_at: recordedAt,
    source: event.source,
    task_id: isTaskEvent(event) ? event.data.task_id : null,
    correlation_id: event.correlationid ?? null,
    causation_id: event.causationid ?? null,
    traceparent: event.traceparent ?? null,
    source_partition: record.partition,
    source_offset: record.offset,
    data_hash: dataHash,
  };
  const prev_hash = head?.hash ?? null;
  const hash = hashNexusEntry(journalKey, row, prev_hash);
  state.heads.set(stream, { sequence: row.sequence, hash });
  return { ...row, data: dataText, prev_hash, hash };
}

function fault(code: ErrorCode, path: string, message: string): SetAside['fault'] {
  return { code, path, message };
}
