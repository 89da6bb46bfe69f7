import { PositionLost } from '@runspine/kafka';
import type { RunState, StepState } from '@runspine/run-model';
import type { BatchState, RoomInHand } from '../runs/batch-state.js';
import type { FoldedBatch, JournalRow, RejectionRow } from '../runs/fold-batch.js';
import type { OutcomeRow } from '../runs/outcome-row.js';
import type { Database, Statement } from './transaction.js';
import { type Column, insertFrom, rowArray } from './binary-rows.js';

/** Another partition took an event id or idempotency key at the same moment: fold again, now seeing it. */
export class ReservationLost extends Error {
  override readonly name = 'ReservationLost';
}

const JOURNAL: Column<JournalRow>[] = [
  { name: 'tenant_id', type: 'text', of: ({ event }) => event.tenant_id },
  { name: 'run_id', type: 'text', of: ({ event }) => event.run_id },
  { name: 'run_sequence', type: 'bigint', of: ({ event }) => event.run_sequence },
  { name: 'event_id', type: 'uuid', of: ({ event }) => event.event_id },
  { name: 'type', type: 'text', of: ({ event }) => event.type },
  { name: 'time', type: 'timestamptz', of: ({ event }) => event.time },
  { name: 'recorded_at', type: 'timestamptz', of: ({ event }) => event.recorded_at },
  { name: 'source', type: 'text', of: ({ event }) => event.source },
  { name: 'env', type: 'text', of: ({ event }) => event.env },
  { name: 'project_id', type: 'text', of: ({ event }) => event.project_id },
  { name: 'surface_id', type: 'text', of: ({ event }) => event.surface_id },
  { name: 'step_id', type: 'text', of: ({ event }) => event.step_id },
  { name: 'room_id', type: 'text', of: ({ event }) => event.room_id },
  { name: 'room_sequence', type: 'bigint', of: ({ event }) => event.room_sequence },
  { name: 'correlation_id', type: 'text', of: ({ event }) => event.correlation_id },
  { name: 'causation_id', type: 'text', of: ({ event }) => event.causation_id },
  { name: 'producer_correlation_id', type: 'text', of: ({ event }) => event.producer_correlation_id },
  { name: 'producer_causation_id', type: 'text', of: ({ event }) => event.producer_causation_id },
  { name: 'traceparent', type: 'text', of: ({ event }) => event.traceparent },
  { name: 'source_partition', type: 'integer', of: ({ entry }) => entry.record.partition },
  { name: 'source_offset', type: 'bigint', of: ({ entry }) => entry.offset },
  { name: 'data', type: 'json', of: ({ entry }) => entry.dataText },
  { name: 'data_hash', type: 'bytea', of: ({ entry }) => entry.dataHash },
  { name: 'prev_hash', type: 'bytea', of: (row) => row.prev_hash },
  { name: 'hash', type: 'bytea', of: (row) => row.hash },
];

/** A journal's row, and what its outcome has beside it. */
const APPLIED: Column<JournalRow>[] = [
  ...JOURNAL,
  { name: 'content_hash', type: 'bytea', of: ({ entry }) => entry.hash },
  { name: 'submitted_env', type: 'text', of: ({ entry }) => entry.event.env },
];

const OUTCOMES: Column<OutcomeRow>[] = [
  { name: 'tenant_id', type: 'text', of: (row) => row.tenant_id },
  { name: 'event_id', type: 'uuid', of: (row) => row.event_id },
  { name: 'hash', type: 'bytea', of: (row) => row.hash },
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
  { name: 'hash', type: 'bytea', of: (row) => row.hash },
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

/** A row of `proj_runs`: a run's state, and the hash of its last journal entry. */
export type RunRow = RunState & { head: string | null };
export const RUNS: Column<RunRow>[] = [
  ...texts<RunRow>('tenant_id', 'run_id', 'env', 'project_id', 'surface_id', 'room_id', 'external_id', 'name', 'kind'),
  ...texts<RunRow>('stage', 'parent_run_id', 'rerun_of', 'command', 'cwd', 'code_ref', 'config_hash'),
  ...texts<RunRow>('input_fingerprint', 'trace_id', 'status', 'failed_step_id', 'cancel_reason', 'source'),
  ...texts<RunRow>('checkpoint_run_id', 'correlation_id'),
  ...jsons<RunRow>('input', 'output', 'tags', 'scores', 'metadata', 'error', 'metrics', 'own_metrics', 'step_metrics'),
  ...times<RunRow>('created_at', 'started_at', 'ended_at', 'last_seen_at', 'erased_at'),
  { name: 'stale_after_s', type: 'integer', of: (run) => run.stale_after_s },
  { name: 'version', type: 'bigint', of: (run) => run.version },
  { name: 'task_count', type: 'bigint', of: (run) => run.task_count },
  { name: 'duration_ms', type: 'double precision', of: (run) => run.duration_ms },
  { name: 'last_run_event_id', type: 'uuid', of: (run) => run.last_run_event_id },
  { name: 'head_hash', type: 'bytea', of: (run) => run.head ?? '' },
];

/** A row of `proj_steps`. */
export type StepRow = StepState & { tenant_id: string };
export const STEPS: Column<StepRow>[] = [
  ...texts<StepRow>('tenant_id', 'run_id', 'step_id', 'name', 'kind', 'parent_step_id', 'status', 'skip_reason'),
  ...texts<StepRow>('source'),
  ...jsons<StepRow>('depends_on', 'inputs', 'output', 'error', 'metrics', 'own_metrics', 'detail_metrics'),
  ...times<StepRow>('created_at', 'started_at', 'ended_at'),
  { name: 'attempt', type: 'integer', of: (step) => step.attempt },
  { name: 'duration_ms', type: 'double precision', of: (step) => step.duration_ms },
  { name: 'created_sequence', type: 'bigint', of: (step) => step.created_sequence },
  { name: 'last_event_id', type: 'uuid', of: (step) => step.last_event_id },
];

type RoomRow = RoomInHand & { updated_at: string };
const ROOMS: Column<RoomRow>[] = [
  ...texts<RoomRow>('tenant_id', 'env', 'room_id'),
  { name: 'last_sequence', type: 'bigint', of: (room) => room.last_sequence },
  ...times<RoomRow>('updated_at'),
];

function texts<Row>(...names: (keyof Row & string)[]): Column<Row>[] {
  return names.map((name) => ({ name, type: 'text', of: (row) => row[name] as string | null }));
}

function times<Row>(...names: (keyof Row & string)[]): Column<Row>[] {
  return names.map((name) => ({ name, type: 'timestamptz', of: (row) => row[name] as string | null }));
}

function jsons<Row>(...names: (keyof Row & string)[]): Column<Row>[] {
  return names.map((name) => ({ name, type: 'jsonb', of: (row) => jsonText(row[name]) }));
}

function jsonText(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}

/** SQLSTATE of our own, of which `spine_assert` makes an error. */
const POSITION_LOST = 'RS001';
const UNIQUE_VIOLATION = '23505';

const MOVES: Column<Advance>[] = [
  { name: 'topic', type: 'text', of: (move) => move.topic },
  { name: 'partition', type: 'integer', of: (move) => move.partition },
  { name: 'cluster_id', type: 'text', of: (move) => move.clusterId },
  { name: 'from_position', type: 'bigint', of: (move) => move.from },
  { name: 'to_position', type: 'bigint', of: (move) => move.to },
  { name: 'epoch', type: 'integer', of: (move) => move.epoch },
];

/** A move of a partition's position, by compare-and-set. */
export interface Advance {
  topic: string;
  partition: number;
  clusterId: string;
  from: number;
  to: number;
  /** Of the projections that the batch was folded on: a swap of them raises it. */
  epoch: number;
}

/** Columns by the type of row that they are given as. */
export const ROW_TYPES = {
  projector_offsets_move: MOVES,
  event_outcomes_row: OUTCOMES,
  idempotency_keys_row: KEYS,
  run_events_row: APPLIED,
  rejections_row: REJECTIONS,
  proj_runs_row: RUNS,
  proj_steps_row: STEPS,
  proj_rooms_row: ROOMS,
} as const;

/** What a batch may have rows of, beside the moves of its partitions: in the order in which they are written. */
type Part = 'outcomes' | 'keys' | 'journal' | 'rejections' | 'runs' | 'steps' | 'rooms';

/** What belongs to one move: rows, and states that have moved. */
export interface Fold {
  folded: FoldedBatch;
  state: BatchState;
}

/**
 * Moves the offsets of partitions and writes their folded batches, or does neither. Ids and keys are inserted in one
 * order by everybody, so that two transactions that meet in one id wait for each other and do not deadlock.
 * @throws PositionLost when an offset is not where we hold it.
 * @throws ReservationLost when an id or key came before.
 */
export async function saveBatch(
  db: Database,
  moves: readonly Advance[],
  folds: readonly Fold[],
  recordedAt: string,
): Promise<void> {
  const all = <Row>(rows: (folded: FoldedBatch) => readonly Row[]): readonly Row[] =>
    folds.length === 1 ? rows(folds[0]!.folded) : folds.flatMap(({ folded }) => rows(folded));
  const keys = all((folded) => folded.keys).map((key) => ({ ...key, recorded_at: recordedAt }));
  const rejections = all((folded) => folded.rejections);
  const { runs, steps, rooms } = rowsOf(folds, recordedAt);
  const arrays: Record<Part, Buffer | undefined> = {
    outcomes: rowsGiven(OUTCOMES, all((folded) => folded.outcomes).toSorted(byEvent)),
    keys: rowsGiven(KEYS, keys.sort(byKey)),
    journal: rowsGiven(APPLIED, all((folded) => folded.journal).toSorted(byJournalledEvent)),
    rejections: rowsGiven(REJECTIONS, rejections),
    runs: rowsGiven(RUNS, runs),
    steps: rowsGiven(STEPS, steps),
    rooms: rowsGiven(ROOMS, rooms),
  };
  const given = PARTS.filter((part) => arrays[part] !== undefined);
  try {
    await db.query(saveStatement(given), [rowArray(MOVES, moves), ...given.map((part) => arrays[part])]);
  } catch (error) {
    const { code, table } = error as { code?: string; table?: string };
    if (code === POSITION_LOST) throw new PositionLost();
    if (code === UNIQUE_VIOLATION && (table === 'event_outcomes' || table === 'idempotency_keys')) {
      throw new ReservationLost('An event id or idempotency key came before.', { cause: error });
    }
    throw error;
  }
}

function rowsGiven<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Buffer | undefined {
  return rows.length === 0 ? undefined : rowArray(columns, rows);
}

/** Of each part, the common table expressions that write the array of rows in parameter `at`. */
const WRITES: Record<Part, (at: number) => string> = {
  outcomes: (at) => `outcomes AS (${insertFrom(rowsInto('event_outcomes'), OUTCOMES, at)})`,
  keys: (at) => `keys AS (${insertFrom(rowsInto('idempotency_keys'), KEYS, at)})`,
  journal: (at) => `journal AS (${insertFrom(rowsInto('run_events'), JOURNAL, at)}),
    applied AS (INSERT INTO event_outcomes (tenant_id, event_id, hash, outcome, env, run_id, step_id, first_event_id,
        run_sequence, room_sequence, recorded_at)
      SELECT tenant_id, event_id, content_hash, 'applied', submitted_env, run_id, step_id, event_id,
        run_sequence, room_sequence, recorded_at FROM unnest($${at}::run_events_row[]))`,
  rejections: (at) => `refused AS (${insertFrom(rowsInto('rejections'), REJECTIONS, at, 'ON CONFLICT DO NOTHING')})`,
  runs: (at) => `runs AS (${upsert('proj_runs', RUNS, at, ['tenant_id', 'run_id'])})`,
  steps: (at) => `steps AS (${upsert('proj_steps', STEPS, at, ['tenant_id', 'run_id', 'step_id'])})`,
  rooms: (at) => `rooms AS (${upsert('proj_rooms', ROOMS, at, ['tenant_id', 'env', 'room_id'])})`,
};
const PARTS = Object.keys(WRITES) as Part[];

function rowsInto(table: string): { table: string; rows: string } {
  return { table, rows: `${table}_row` };
}

function upsert<Row>(table: string, columns: readonly Column<Row>[], at: number, key: readonly string[]): string {
  const suffix = `ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${settingAllBut(key, columns)}`;
  return insertFrom(rowsInto(table), columns, at, suffix);
}

/** Statements that were made, by the parts that they write; few of them occur. */
const statements = new Map<string, Statement>();

/**
 * Everything in one statement, an array of rows a table, so that a batch costs one round trip: a statement is a
 * transaction. What a batch has no rows of is left out: a table costs PostgreSQL more to prepare than a row to write.
 */
function saveStatement(parts: readonly Part[]): Statement {
  const name = ['save', ...parts].join('-');
  const known = statements.get(name);
  if (known !== undefined) return known;
  const writes = parts.map((part, index) => `,\n    ${WRITES[part](index + 2)}`);
  const text = `WITH
    moves AS (SELECT * FROM unnest($1::projector_offsets_move[])),
    moved AS (UPDATE projector_offsets o SET position = m.to_position, updated_at = now() FROM moves m
      WHERE o.topic = m.topic AND o.partition = m.partition AND o.cluster_id = m.cluster_id
        AND o.position = m.from_position AND o.epoch = m.epoch RETURNING 1)${writes.join('')}
    SELECT spine_assert((SELECT count(*) FROM moved) = (SELECT count(*) FROM moves), '${POSITION_LOST}', 'a position was moved')`;
  const made = { name, text };
  statements.set(name, made);
  return made;
}

function settingAllBut<Row>(key: readonly string[], columns: readonly Column<Row>[]): string {
  const others = columns.map(({ name }) => name).filter((name) => !key.includes(name));
  return others.map((name) => `${name} = EXCLUDED.${name}`).join(', ');
}

function rowsOf(folds: readonly Fold[], recordedAt: string): { runs: RunRow[]; steps: StepRow[]; rooms: RoomRow[] } {
  const runs: RunRow[] = [];
  const steps: StepRow[] = [];
  const rooms: RoomRow[] = [];
  for (const { state } of folds) {
    for (const run of state.runs.values()) {
      if (!run.state) continue;
      const { tenant_id } = run.state;
      if (run.changed) runs.push({ ...run.state, head: run.head });
      for (const id of run.changedSteps) steps.push({ ...run.steps.get(id)!, tenant_id });
    }
    for (const room of state.rooms.values()) if (room.changed) rooms.push({ ...room, updated_at: recordedAt });
  }
  return { runs, steps, rooms };
}

function byEvent(a: OutcomeRow, b: OutcomeRow): number {
  return compare(a.tenant_id, b.tenant_id) || compare(a.event_id, b.event_id);
}

function byJournalledEvent({ event: a }: JournalRow, { event: b }: JournalRow): number {
  return compare(a.tenant_id, b.tenant_id) || compare(a.event_id, b.event_id);
}

function byKey(a: KeyRow, b: KeyRow): number {
  return compare(a.tenant_id, b.tenant_id) || compare(a.env, b.env) || compare(a.key, b.key);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
