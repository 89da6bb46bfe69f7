import { PositionLost } from '@runspine/kafka';
import type pg from 'pg';
import { inTransaction } from '../store/transaction.js';
import { ADD_RESEARCH, researchRows } from '../research-runs/research-store.js';
import { type Column, insertFrom, rowArray } from '../store/binary-rows.js';
import { eventKey, type FoldedNexus, type NexusEventRow, type NexusState, taskKey } from './fold-nexus.js';
import type { TaskRow } from './fold-task.js';
import type { NexusEntry } from './nexus-entry.js';

/** Columns of `nexus_events_row`. */
export const EVENTS: Column<NexusEventRow>[] = [
  { name: 'stream', type: 'text', of: (row) => row.stream },
  { name: 'sequence', type: 'bigint', of: (row) => row.sequence },
  { name: 'tenant_id', type: 'text', of: (row) => row.tenant_id },
  { name: 'env', type: 'text', of: (row) => row.env },
  { name: 'project_id', type: 'text', of: (row) => row.project_id },
  { name: 'surface_id', type: 'text', of: (row) => row.surface_id },
  { name: 'event_id', type: 'uuid', of: (row) => row.event_id },
  { name: 'type', type: 'text', of: (row) => row.type },
  { name: 'time', type: 'timestamptz', of: (row) => row.time },
  { name: 'recorded_at', type: 'timestamptz', of: (row) => row.recorded_at },
  { name: 'source', type: 'text', of: (row) => row.source },
  { name: 'task_id', type: 'text', of: (row) => row.task_id },
  { name: 'correlation_id', type: 'text', of: (row) => row.correlation_id },
  { name: 'causation_id', type: 'text', of: (row) => row.causation_id },
  { name: 'traceparent', type: 'text', of: (row) => row.traceparent },
  { name: 'source_partition', type: 'integer', of: (row) => row.source_partition },
  { name: 'source_offset', type: 'bigint', of: (row) => row.source_offset },
  { name: 'data', type: 'json', of: (row) => row.data },
  { name: 'data_hash', type: 'bytea', of: (row) => row.data_hash },
  { name: 'prev_hash', type: 'bytea', of: (row) => row.prev_hash },
  { name: 'hash', type: 'bytea', of: (row) => row.hash },
];

const TASK_COLUMNS = [
  ...['tenant_id', 'task_id', 'env', 'project_id', 'surface_id', 'space_id', 'scope', 'stream', 'status', 'documents'],
  ...['documents_done', 'chunks', 'version', 'errors', 'request_hash', 'created_at', 'updated_at', 'ended_at'],
  'research_id',
];

const INSERT_EVENTS = {
  name: 'nexus-events',
  text: insertFrom({ table: 'nexus_events', rows: 'nexus_events_row' }, EVENTS, 1),
};
const UPSERT_TASKS = { name: 'nexus-tasks', text: upsertTasks() };
const ADVANCE = {
  name: 'nexus-advance',
  text: `UPDATE projector_offsets SET position = $5, updated_at = now()
          WHERE topic = $1 AND partition = $2 AND cluster_id = $3 AND position = $4`,
};

/** Reads what entries touch. A stream has one partition and so one writer: nobody else moves its head meanwhile. */
export async function loadNexus(pool: pg.Pool, entries: readonly NexusEntry[]): Promise<NexusState> {
  const streams = [...new Set(entries.map(({ event }) => event.partitionkey))];
  const taskIds = [...new Set(entries.flatMap(({ event }) => taskIdsOf(event.data)))];
  const [heads, known, tasks] = await Promise.all([
    pool.query<{ stream: string; sequence: number; hash: string }>({
      name: 'nexus-heads',
      text: `SELECT asked.stream, head.sequence, encode(head.hash, 'hex') AS hash
               FROM unnest($1::text[]) AS asked(stream) CROSS JOIN LATERAL
                 (SELECT sequence, hash FROM nexus_events WHERE stream = asked.stream
                   ORDER BY sequence DESC LIMIT 1) AS head`,
      values: [streams],
    }),
    pool.query<{ tenant_id: string; event_id: string; type: string; data_hash: string }>({
      name: 'nexus-known',
      text: `SELECT it.tenant_id, it.event_id, it.type, encode(it.data_hash, 'hex') AS data_hash
               FROM unnest($1::text[], $2::uuid[]) AS asked(tenant_id, event_id)
               JOIN nexus_events AS it USING (tenant_id, event_id)`,
      values: [entries.map(({ event }) => event.tenantid), entries.map(({ event }) => event.id)],
    }),
    pool.query<TaskRow>({
      name: 'nexus-named-tasks',
      text: `SELECT ${TASK_COLUMNS.join(', ')} FROM proj_nexus_tasks WHERE task_id = ANY($1::text[])`,
      values: [taskIds],
    }),
  ]);
  return {
    heads: new Map(heads.rows.map(({ stream, ...head }) => [stream, head])),
    known: new Map(
      known.rows.map((row) => [eventKey(row.tenant_id, row.event_id), { type: row.type, dataHash: row.data_hash }]),
    ),
    tasks: new Map(tasks.rows.map((row) => [taskKey(row.tenant_id, row.task_id), row])),
  };
}

/**
 * Moves the offset and writes what was folded, or does neither.
 * @throws PositionLost when the offset is not where we hold it.
 */
export async function saveNexus(
  pool: pg.Pool,
  move: { topic: string; partition: number; clusterId: string; from: number; to: number },
  folded: Pick<FoldedNexus, 'events' | 'tasks' | 'research'>,
): Promise<void> {
  await inTransaction(pool, async (tx) => {
    const { rowCount } = await tx.query(ADVANCE, [move.topic, move.partition, move.clusterId, move.from, move.to]);
    if (rowCount !== 1) throw new PositionLost();
    if (folded.events.length > 0) await tx.query(INSERT_EVENTS, [rowArray(EVENTS, folded.events)]);
    if (folded.tasks.length > 0) await tx.query(UPSERT_TASKS, [JSON.stringify(folded.tasks)]);
    if (folded.research.length > 0) await tx.query(ADD_RESEARCH, [researchRows(folded.research)]);
  });
}

/** A task stays in its space: the condition holds against a stranger on another partition at the same moment. */
function upsertTasks(): string {
  const names = TASK_COLUMNS.join(', ');
  const sets = TASK_COLUMNS.slice(2).map((column) => `${column} = EXCLUDED.${column}`);
  return (
    `INSERT INTO proj_nexus_tasks (${names}) ` +
    `SELECT ${names} FROM json_populate_recordset(NULL::proj_nexus_tasks, $1::json) ` +
    `ON CONFLICT (tenant_id, task_id) DO UPDATE SET ${sets.join(', ')} WHERE proj_nexus_tasks.stream = EXCLUDED.stream`
  );
}

function taskIdsOf(data: object): string[] {
  const { task_id, tasks } = data as { task_id?: unknown; tasks?: unknown };
  const several = Array.isArray(tasks) ? (tasks as { task_id?: unknown }[]).map((task) => task?.task_id) : [];
  return [task_id, ...several].filter((id) => typeof id === 'string');
}
