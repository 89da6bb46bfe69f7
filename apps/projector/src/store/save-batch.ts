import { PositionLost } from '@runspine/kafka';
import type { BatchState } from '../runs/batch-state.js';
import type { FoldedBatch, JournalRow } from '../runs/fold-batch.js';
import type { OutcomeRow } from '../runs/outcome-row.js';
import type { Database, Statement } from './transaction.js';
import { type Column, insertFrom, rowArray, textArray } from './binary-rows.js';
import type { Notices } from '../log/outcome-notices.js';
import {
  type Advance,
  APPLIED,
  JOURNAL,
  type KeyRow,
  KEYS,
  MOVES,
  OUTCOMES,
  REJECTIONS,
  ROOMS,
  type RoomRow,
  type RunRow,
  RUNS,
  type StepRow,
  STEPS,
} from './row-columns.js';

/** Another partition took an event id or idempotency key at the same moment: fold again, now seeing it. */
export class ReservationLost extends Error {
  override readonly name = 'ReservationLost';
}

/** SQLSTATE of our own, of which `spine_assert` makes an error. */
const POSITION_LOST = 'RS001';
const UNIQUE_VIOLATION = '23505';

/** What a batch may have rows of, beside the moves of its partitions: in the order in which they are written. */
type Part = 'outcomes' | 'keys' | 'journal' | 'rejections' | 'runs' | 'steps' | 'rooms';

/** What belongs to one move: rows, and states that have moved. */
export interface Fold {
  folded: FoldedBatch;
  state: BatchState;
}

/** A batch as PostgreSQL takes it. */
export interface BatchWrite {
  readonly statement: Statement;
  readonly values: readonly Buffer[];
}

/**
 * The one statement that moves the offsets of partitions and writes their folded batches. Ids and keys are inserted in one
 * order by everybody, so that two transactions that meet in one id wait for each other and do not deadlock.
 * @param notices what the commit tells on channels.
 * @throws NumberOutOfRange where a column cannot hold a number.
 */
export function batchWrite(
  moves: readonly Advance[],
  folds: readonly Fold[],
  recordedAt: string,
  notices?: Notices,
): BatchWrite {
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
  const rows = given.map((part) => arrays[part]!);
  const told = notices ? [textArray(notices.channels), textArray(notices.payloads)] : [];
  return {
    statement: saveStatement(given, notices !== undefined),
    values: [rowArray(MOVES, moves), ...rows, ...told],
  };
}

/**
 * Moves the offsets and writes the batches, or does neither.
 * @throws PositionLost when an offset is not where we hold it.
 * @throws ReservationLost when an id or key came before.
 */
export async function saveBatch(db: Database, { statement, values }: BatchWrite): Promise<void> {
  try {
    await db.query(statement, values);
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
function saveStatement(parts: readonly Part[], notify: boolean): Statement {
  const name = ['save', ...parts, ...(notify ? ['notify'] : [])].join('-');
  const known = statements.get(name);
  if (known !== undefined) return known;
  const writes = parts.map((part, index) => `,\n    ${WRITES[part](index + 2)}`);
  const at = parts.length + 2;
  const notified = `(SELECT count(pg_notify(channel, payload)) FROM unnest($${at}::text[], $${at + 1}::text[]) AS n (channel, payload))`;
  const text = `WITH
    moves AS (SELECT * FROM unnest($1::projector_offsets_move[])),
    moved AS (UPDATE projector_offsets o SET position = m.to_position, updated_at = now() FROM moves m
      WHERE o.topic = m.topic AND o.partition = m.partition AND o.cluster_id = m.cluster_id
        AND o.position = m.from_position AND o.epoch = m.epoch RETURNING 1)${writes.join('')}
    SELECT spine_assert((SELECT count(*) FROM moved) = (SELECT count(*) FROM moves), '${POSITION_LOST}', 'a position was moved')${notify ? `, ${notified}` : ''}`;
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
