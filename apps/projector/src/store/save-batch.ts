import { PositionLost } from '@runspine/kafka';
import type { BatchState } from '../runs/batch-state.js';
import type { FoldedBatch, JournalRow, RejectionRow } from '../runs/fold-batch.js';
import type { OutcomeRow } from '../runs/outcome-row.js';
import type { Database } from './transaction.js';
import { arraysOf, type Column, insertFrom } from './unnest.js';

/** Another partition took an event id or idempotency key at the same moment: fold again, now seeing it. */
export class ReservationLost extends Error {
  override readonly name = 'ReservationLost';
}

const JOURNAL: Column<JournalRow>[] = [
  { name: 'tenant_id', type: 'text', of: (row) => row.tenant_id },
  { name: 'run_id', type: 'text', of: (row) => row.run_id },
  { name: 'run_sequence', type: 'bigint', of: (row) => row.run_sequence },
  { name: 'event_id', type: 'uuid', of: (row) => row.event_id },
  { name: 'type', type: 'text', of: (row) => row.type },
  { name: 'time', type: 'timestamptz', of: (row) => row.time },
  { name: 'recorded_at', type: 'timestamptz', of: (row) => row.recorded_at },
  { name: 'source', type: 'text', of: (row) => row.source },
  { name: 'env', type: 'text', of: (row) => row.env },
  { name: 'project_id', type: 'text', of: (row) => row.project_id },
  { name: 'surface_id', type: 'text', of: (row) => row.surface_id },
  { name: 'step_id', type: 'text', of: (row) => row.step_id },
  { name: 'room_id', type: 'text', of: (row) => row.room_id },
  { name: 'room_sequence', type: 'bigint', of: (row) => row.room_sequence },
  { name: 'correlation_id', type: 'text', of: (row) => row.correlation_id },
  { name: 'causation_id', type: 'text', of: (row) => row.causation_id },
  { name: 'producer_correlation_id', type: 'text', of: (row) => row.producer_correlation_id },
  { name: 'producer_causation_id', type: 'text', of: (row) => row.producer_causation_id },
  { name: 'traceparent', type: 'text', of: (row) => row.traceparent },
  { name: 'source_partition', type: 'integer', of: (row) => row.source_partition },
  { name: 'source_offset', type: 'bigint', of: (row) => row.source_offset },
  { name: 'data', type: 'json', of: (row) => row.data },
  { name: 'data_hash', type: 'hex', of: (row) => row.data_hash },
  { name: 'prev_hash', type: 'hex', of: (row) => row.prev_hash },
  { name: 'hash', type: 'hex', of: (row) => row.hash },
];

const OUTCOMES: Column<OutcomeRow>[] = [
  { name: 'tenant_id', type: 'text', of: (row) => row.tenant_id },
  { name: 'event_id', type: 'uuid', of: (row) => row.event_id },
  { name: 'hash', type: 'hex', of: (row) => row.hash },
  { name: 'outcome', type: 'text', of: (row) => row.outcome },
  { name: 'env', type: 'text', of: (row) => row.env },
  { name: 'run_id', type: 'text', of: (row) => row.run_id },
  { name: 'step_id', type: 'text', of: (row) => row.step_id },
  { name: 'first_event_id', type: 'uuid', of: (row) => row.first_event_id },
  { name: 'run_sequence', type: 'bigint', of: (row) => row.run_sequence },
  { name: 'room_sequence', type: 'bigint', of: (row) => row.room_sequence },
  { name: 'reason', type: 'text', of: (row) => row.reason },
  { name: 'current', type: 'text', of: (row) => row.current },
  { name: 'version', type: 'bigint', of: (row) => row.version },
  { name: 'sqlstate', type: 'text', of: (row) => row.sqlstate },
  { name: 'recorded_at', type: 'timestamptz', of: (row) => row.recorded_at },
];

type KeyRow = FoldedBatch['keys'][number] & { recorded_at: string };
const KEYS: Column<KeyRow>[] = [
  { name: 'tenant_id', type: 'text', of: (row) => row.tenant_id },
  { name: 'env', type: 'text', of: (row) => row.env },
  { name: 'key', type: 'text', of: (row) => row.key },
  { name: 'hash', type: 'hex', of: (row) => row.hash },
  { name: 'event_id', type: 'uuid', of: (row) => row.event_id },
  { name: 'recorded_at', type: 'timestamptz', of: (row) => row.recorded_at },
];

const REJECTIONS: Column<RejectionRow>[] = [
  { name: 'tenant_id', type: 'text', of: ({ outcome }) => outcome.tenant_id },
  { name: 'source_partition', type: 'integer', of: ({ entry }) => entry.record.partition },
  { name: 'source_offset', type: 'bigint', of: ({ entry }) => entry.offset },
  { name: 'env', type: 'text', of: ({ outcome }) => outcome.env },
  { name: 'event_id', type: 'uuid', of: ({ outcome }) => outcome.event_id },
  { name: 'type', type: 'text', of: ({ entry }) => entry.event.type },
  { name: 'run_id', type: 'text', of: ({ outcome }) => outcome.run_id },
  { name: 'step_id', type: 'text', of: ({ outcome }) => outcome.step_id },
  { name: 'reason', type: 'text', of: ({ outcome }) => outcome.reason },
  { name: 'current', type: 'text', of: ({ outcome }) => outcome.current },
  { name: 'version', type: 'bigint', of: ({ outcome }) => outcome.version },
  { name: 'time', type: 'timestamptz', of: ({ entry }) => entry.event.time },
  { name: 'recorded_at', type: 'timestamptz', of: ({ outcome }) => outcome.recorded_at },
  { name: 'source', type: 'text', of: ({ entry }) => entry.event.source },
  { name: 'correlation_id', type: 'text', of: ({ entry }) => entry.event.correlationid ?? null },
  { name: 'data', type: 'json', of: ({ entry }) => entry.dataText },
];

const RUN_COLUMNS = [
  ...['tenant_id', 'run_id', 'env', 'project_id', 'surface_id', 'room_id', 'external_id', 'name', 'kind', 'stage'],
  ...['parent_run_id', 'rerun_of', 'command', 'cwd', 'stale_after_s', 'input', 'output', 'tags', 'scores', 'metadata'],
  ...['code_ref', 'config_hash', 'input_fingerprint', 'trace_id', 'status', 'version', 'task_count', 'error'],
  ...['failed_step_id', 'cancel_reason', 'source', 'checkpoint_run_id', 'duration_ms', 'metrics', 'own_metrics'],
  ...['step_metrics', 'correlation_id', 'created_at', 'started_at', 'ended_at', 'last_seen_at', 'erased_at'],
  ...['last_run_event_id', 'head_hash'],
];
const STEP_COLUMNS = [
  ...['tenant_id', 'run_id', 'step_id', 'name', 'kind', 'parent_step_id', 'depends_on', 'attempt', 'status', 'inputs'],
  ...['output', 'error', 'skip_reason', 'source', 'duration_ms', 'metrics', 'own_metrics', 'detail_metrics'],
  ...['created_at', 'started_at', 'ended_at', 'created_sequence', 'last_event_id'],
];
const ROOM_COLUMNS = ['tenant_id', 'env', 'room_id', 'last_sequence', 'updated_at'];

/** SQLSTATEs of our own, of which `spine_assert` makes errors. */
const POSITION_LOST = 'RS001';
const RESERVATION_LOST = 'RS002';

/**
 * Everything in one statement, an array a column or a JSON array a table, so that a batch costs one round trip: a
 * statement is a transaction. What a batch has none of is an empty array.
 */
const SAVE = saveStatement();

/** A move of a partition's position, by compare-and-set. */
export interface Advance {
  topic: string;
  partition: number;
  clusterId: string;
  from: number;
  to: number;
}

/**
 * Moves the offset and writes a folded batch, or does neither. Ids and keys are inserted in one order by everybody, so
 * that two partitions that meet in one id wait for each other and do not deadlock.
 * @throws PositionLost when the offset is not where we hold it.
 * @throws ReservationLost when an id or key came before.
 */
export async function saveBatch(
  db: Database,
  move: Advance,
  folded: FoldedBatch,
  state: BatchState,
  recordedAt: string,
): Promise<void> {
  const keys = folded.keys.map((key) => ({ ...key, recorded_at: recordedAt })).sort(byKey);
  try {
    await db.query(SAVE, [
      ...[move.topic, move.partition, move.clusterId, move.from, move.to],
      ...[folded.outcomes.length, keys.length],
      ...arraysOf(OUTCOMES, folded.outcomes.toSorted(byEvent)),
      ...arraysOf(KEYS, keys),
      ...arraysOf(JOURNAL, folded.journal),
      ...arraysOf(REJECTIONS, folded.rejections),
      ...statesOf(state, recordedAt),
    ]);
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code === POSITION_LOST) throw new PositionLost();
    if (code === RESERVATION_LOST) throw new ReservationLost('An event id or idempotency key came before.');
    throw error;
  }
}

function saveStatement(): { name: string; text: string } {
  let next = 8;
  const insert = <Row>(table: string, columns: readonly Column<Row>[], suffix: string) => {
    const text = insertFrom(table, columns, next, suffix);
    next += columns.length;
    return text;
  };
  const upsert = (table: string, columns: string[], key: string[]) => upsertFrom(table, columns, key, next++);
  const text = `WITH
    moved AS (UPDATE projector_offsets SET position = $5, updated_at = now()
      WHERE topic = $1 AND partition = $2 AND cluster_id = $3 AND position = $4 RETURNING 1),
    outcomes AS (${insert('event_outcomes', OUTCOMES, 'ON CONFLICT DO NOTHING RETURNING 1')}),
    keys AS (${insert('idempotency_keys', KEYS, 'ON CONFLICT DO NOTHING RETURNING 1')}),
    journal AS (${insert('run_events', JOURNAL, '')}),
    refused AS (${insert('rejections', REJECTIONS, 'ON CONFLICT DO NOTHING')}),
    runs AS (${upsert('proj_runs', RUN_COLUMNS, ['tenant_id', 'run_id'])}),
    steps AS (${upsert('proj_steps', STEP_COLUMNS, ['tenant_id', 'run_id', 'step_id'])}),
    rooms AS (${upsert('proj_rooms', ROOM_COLUMNS, ['tenant_id', 'env', 'room_id'])})
    SELECT spine_assert((SELECT count(*) FROM moved) = 1, '${POSITION_LOST}', 'the position was moved'),
      spine_assert((SELECT count(*) FROM outcomes) = $6::int, '${RESERVATION_LOST}', 'an event id came before'),
      spine_assert((SELECT count(*) FROM keys) = $7::int, '${RESERVATION_LOST}', 'an idempotency key came before')`;
  return { name: 'save', text };
}

/** States are rows whose fields are the columns, so they travel as one JSON array. */
function upsertFrom(table: string, columns: string[], key: string[], parameter: number): string {
  const names = columns.join(', ');
  const sets = columns.filter((column) => !key.includes(column)).map((column) => `${column} = EXCLUDED.${column}`);
  return (
    `INSERT INTO ${table} (${names}) SELECT ${names} FROM json_populate_recordset(NULL::${table}, $${parameter}::json) ` +
    `ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${sets.join(', ')}`
  );
}

function statesOf(state: BatchState, recordedAt: string): [runs: string, steps: string, rooms: string] {
  const runs: object[] = [];
  const steps: object[] = [];
  for (const run of state.runs.values()) {
    if (!run.state) continue;
    if (run.changed) runs.push({ ...run.state, head_hash: `\\x${run.head ?? ''}` });
    for (const id of run.changedSteps) steps.push({ ...run.steps.get(id), tenant_id: run.state.tenant_id });
  }
  const rooms = [...state.rooms.values()].filter((room) => room.changed);
  return [
    JSON.stringify(runs),
    JSON.stringify(steps),
    JSON.stringify(rooms.map(({ changed: _changed, ...room }) => ({ ...room, updated_at: recordedAt }))),
  ];
}

function byEvent(a: OutcomeRow, b: OutcomeRow): number {
  return compare(a.tenant_id, b.tenant_id) || compare(a.event_id, b.event_id);
}

function byKey(a: KeyRow, b: KeyRow): number {
  return compare(a.tenant_id, b.tenant_id) || compare(a.env, b.env) || compare(a.key, b.key);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
