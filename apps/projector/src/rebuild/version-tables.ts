import type { RecordedEvent } from '@runspine/contracts';
import { Replay, type RunState, type StepState } from '@runspine/run-model';
import type pg from 'pg';
import { type Column, insertFrom, rowArray, textArray } from '../store/binary-rows.js';
import { type RunRow, RUNS, type StepRow, STEPS } from '../store/row-columns.js';

/** Tables beside the live ones: of a rebuild, that will take their place, or of a verification, that will not. */
export type Version = 'next' | 'verify';

/** An event of the journal, and its row's hash. */
export type JournalEvent = RecordedEvent & { stored_hash: string };

/** A run as it is folded, and its last row's hash. */
export interface FoldedRun {
  replay: Replay;
  head: string;
}

export const JOURNAL_COLUMNS = `tenant_id, run_id, run_sequence, event_id, type, time, recorded_at, source, env, project_id,
  surface_id, step_id, room_id, room_sequence, correlation_id, causation_id, producer_correlation_id,
  producer_causation_id, traceparent, data, encode(hash, 'hex') AS stored_hash`;

/** The tables of one version, and what is written to them: runs with all their steps, rooms. */
export class VersionTables {
  readonly runs: string;
  readonly steps: string;
  readonly rooms: string;
  private readonly intoRuns: { table: string; rows: string };
  private readonly intoSteps: { table: string; rows: string };

  constructor(
    private readonly db: Pick<pg.Pool, 'query'>,
    readonly version: Version,
  ) {
    this.runs = `proj_runs_${version}`;
    this.steps = `proj_steps_${version}`;
    this.rooms = `proj_rooms_${version}`;
    this.intoRuns = { table: this.runs, rows: 'proj_runs_row' };
    this.intoSteps = { table: this.steps, rows: 'proj_steps_row' };
  }

  /** The same tables over another connection, such as one in a transaction. */
  over(db: Pick<pg.Pool, 'query'>): VersionTables {
    return new VersionTables(db, this.version);
  }

  /** Makes them, empty; what an earlier attempt left is dropped. */
  async begin(): Promise<void> {
    await this.db.query('SELECT projections_begin($1)', [this.version]);
  }

  async discard(): Promise<void> {
    await this.db.query('SELECT projections_discard($1)', [this.version]);
  }

  /** Runs that are not there yet. */
  async add(folded: readonly FoldedRun[]): Promise<void> {
    const { runs, steps } = rowsOf(folded);
    await this.db.query(insertFrom(this.intoRuns, RUNS, 1), [rowArray(RUNS, runs)]);
    if (steps.length > 0) await this.db.query(insertFrom(this.intoSteps, STEPS, 1), [rowArray(STEPS, steps)]);
  }

  /** Runs in the place of what is there of them. A step never goes, so that rows are only added and changed. */
  async replace(folded: readonly FoldedRun[]): Promise<void> {
    const { runs, steps } = rowsOf(folded);
    await this.db.query(upsert(this.intoRuns, RUNS, RUN_KEY), [rowArray(RUNS, runs)]);
    if (steps.length > 0) await this.db.query(upsert(this.intoSteps, STEPS, STEP_KEY), [rowArray(STEPS, steps)]);
  }

  /** Runs as far as they are folded. */
  async load(ids: readonly { tenant_id: string; run_id: string }[]): Promise<Map<string, FoldedRun>> {
    const { rows: runs } = await this.db.query<RunState & { head_hash: string }>(
      `SELECT t.*, encode(t.head_hash, 'hex') AS head_hash FROM ${this.runs} t, ${KEYS}`,
      idArrays(ids),
    );
    const { rows: steps } = await this.db.query<StepRow>(
      `SELECT t.* FROM ${this.steps} t, ${KEYS} ORDER BY t.created_sequence`,
      idArrays(ids),
    );
    const found = new Map<string, FoldedRun>();
    for (const { head_hash, ...run } of runs) {
      const replay = new Replay();
      replay.run = run;
      found.set(keyOf(run), { replay, head: head_hash });
    }
    for (const { tenant_id, ...step } of steps) {
      found.get(`${tenant_id}/${step.run_id}`)?.replay.steps.set(step.step_id, step as StepState);
    }
    return found;
  }

  /** Rooms, from the journal as it is, of one tenant or all. A room that is there only moves on. */
  async addRooms(tenantId: string | null): Promise<void> {
    await this.db.query(
      `INSERT INTO ${this.rooms} SELECT DISTINCT ON (tenant_id, env, room_id)
         tenant_id, env, room_id, room_sequence, recorded_at FROM run_events
       WHERE room_id IS NOT NULL AND ($1::text IS NULL OR tenant_id = $1)
       ORDER BY tenant_id, env, room_id, room_sequence DESC ${this.roomConflict()}`,
      [tenantId],
    );
  }

  /** Rooms as these events leave them. */
  async moveRooms(events: readonly RecordedEvent[]): Promise<void> {
    const last = new Map<string, RecordedEvent>();
    for (const event of events) {
      if (event.room_id === null) continue;
      const key = `${event.tenant_id}/${event.env}/${event.room_id}`;
      if ((last.get(key)?.room_sequence ?? 0) < (event.room_sequence ?? 0)) last.set(key, event);
    }
    const rooms = [...last.values()];
    if (rooms.length === 0) return;
    await this.db.query(
      `INSERT INTO ${this.rooms} SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[],
         $5::text[]::timestamptz[]) ${this.roomConflict()}`,
      [
        rooms.map((event) => event.tenant_id),
        rooms.map((event) => event.env),
        rooms.map((event) => event.room_id),
        rooms.map((event) => event.room_sequence),
        rooms.map((event) => event.recorded_at),
      ],
    );
  }

  /** Heartbeats are not journalled: the latest sign of life is the live table's. */
  async takeSignsOfLife(tenantId: string | null, openOnly: boolean): Promise<void> {
    await this.db.query(
      `UPDATE ${this.runs} n SET last_seen_at = l.last_seen_at FROM proj_runs l
       WHERE l.tenant_id = n.tenant_id AND l.run_id = n.run_id AND l.last_seen_at > n.last_seen_at
         AND ($1::text IS NULL OR l.tenant_id = $1) ${openOnly ? "AND l.status IN ('created', 'running')" : ''}`,
      [tenantId],
    );
  }

  private roomConflict(): string {
    return `ON CONFLICT (tenant_id, env, room_id) DO UPDATE
      SET last_sequence = EXCLUDED.last_sequence, updated_at = EXCLUDED.updated_at
      WHERE ${this.rooms}.last_sequence < EXCLUDED.last_sequence`;
  }
}

const RUN_KEY = ['tenant_id', 'run_id'];
const STEP_KEY = [...RUN_KEY, 'step_id'];

function upsert<Row>(
  into: { table: string; rows: string },
  columns: readonly Column<Row>[],
  key: readonly string[],
): string {
  const others = columns.map(({ name }) => name).filter((name) => !key.includes(name));
  const sets = others.map((name) => `${name} = EXCLUDED.${name}`).join(', ');
  return insertFrom(into, columns, 1, `ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${sets}`);
}

const KEYS = `unnest($1::text[], $2::text[]) AS asked(tenant_id, run_id)
  WHERE t.tenant_id = asked.tenant_id AND t.run_id = asked.run_id`;

export const keyOf = ({ tenant_id, run_id }: { tenant_id: string; run_id: string }) => `${tenant_id}/${run_id}`;

function idArrays(ids: readonly { tenant_id: string; run_id: string }[]): Buffer[] {
  return [textArray(ids.map((id) => id.tenant_id)), textArray(ids.map((id) => id.run_id))];
}

function rowsOf(folded: readonly FoldedRun[]): { runs: RunRow[]; steps: StepRow[] } {
  const runs: RunRow[] = [];
  const steps: StepRow[] = [];
  for (const { replay, head } of folded) {
    const run = replay.run!;
    runs.push({ ...run, head });
    for (const step of replay.steps.values()) steps.push({ ...step, tenant_id: run.tenant_id });
  }
  return { runs, steps };
}
