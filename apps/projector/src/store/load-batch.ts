import { affectsSteps, type RunState, type StepState } from '@runspine/run-model';
import { type Entry, stepIdOf } from '../runs/batch-reader.js';
import { BatchState, idempotencyKey, outcomeKey, roomKey, runKey } from '../runs/batch-state.js';
import type { PartitionMemory } from '../runs/partition-memory.js';
import type { OutcomeRow } from '../runs/outcome-row.js';
import type { Database } from './transaction.js';
import { textArray } from './binary-rows.js';

const OUTCOME_COLUMNS = `o.tenant_id, o.event_id, encode(o.hash, 'hex') AS hash, o.outcome, o.env, o.run_id, o.step_id,
  o.first_event_id, o.run_sequence, o.room_sequence, o.reason, o.current, o.version, o.sqlstate, o.recorded_at`;

const OUTCOMES = {
  name: 'outcomes',
  text: `SELECT ${OUTCOME_COLUMNS} FROM unnest($1::text[], $2::text[]::uuid[]) AS asked(tenant_id, event_id)
         JOIN event_outcomes o USING (tenant_id, event_id)`,
};
const KEYS = {
  name: 'keys',
  text: `SELECT k.key, k.env AS key_env, encode(k.hash, 'hex') AS key_hash, ${OUTCOME_COLUMNS}
         FROM unnest($1::text[], $2::text[], $3::text[]) AS asked(tenant_id, env, key)
         JOIN idempotency_keys k USING (tenant_id, env, key)
         JOIN event_outcomes o ON o.tenant_id = k.tenant_id AND o.event_id = k.event_id`,
};
const RUNS = {
  name: 'runs',
  text: `SELECT r.*, encode(r.head_hash, 'hex') AS head_hash
         FROM unnest($1::text[], $2::text[]) AS asked(tenant_id, run_id) JOIN proj_runs r USING (tenant_id, run_id)`,
};
const STEPS = {
  name: 'steps',
  text: `SELECT s.* FROM unnest($1::text[], $2::text[], $3::text[]) AS asked(tenant_id, run_id, step_id)
         JOIN proj_steps s USING (tenant_id, run_id, step_id)`,
};
const OTHER_STEPS = {
  name: 'other-steps',
  text: `SELECT s.* FROM unnest($1::text[], $2::text[], $3::text[]::boolean[]) AS asked(tenant_id, run_id, every)
         JOIN proj_steps s USING (tenant_id, run_id) WHERE asked.every OR s.status IN ('pending', 'running')`,
};
const ROOMS = {
  name: 'rooms',
  text: `SELECT r.tenant_id, r.env, r.room_id, r.last_sequence
         FROM unnest($1::text[], $2::text[], $3::text[]) AS asked(tenant_id, env, room_id)
         JOIN proj_rooms r USING (tenant_id, env, room_id)`,
};

/**
 * What the entries can meet, taking for granted that no id or key came before and that a created run is new: true of
 * nearly every batch, and refused by the tables' keys where it is not. Only what the memory lacks is loaded.
 */
export async function loadMissing(
  db: Database,
  entries: readonly Entry[],
  memory: PartitionMemory,
): Promise<BatchState> {
  const state = new BatchState();
  const unknown: Entry[] = [];
  for (const entry of entries) {
    const { runKey: key } = entry;
    if (state.runs.has(key)) continue;
    const run = memory.run(key);
    if (run) state.runs.set(key, run);
    else if (entry.event.type === 'run.created') state.run(key).complete = true;
    else {
      state.run(key);
      unknown.push(entry);
    }
  }
  await loadRuns(db, unknown, state);
  const incomplete = entries.filter((entry) => !state.run(entry.runKey).complete);
  await loadSteps(db, incomplete, state);
  await loadOtherSteps(db, incomplete, state);
  await loadRooms(db, entries, state, memory);
  return state;
}

/** All that the entries can meet: their outcomes and keys if they came before, their runs, steps and rooms. */
export async function loadAll(db: Database, entries: readonly Entry[]): Promise<BatchState> {
  const state = new BatchState();
  await loadOutcomes(db, entries, state);
  await loadKeys(db, entries, state);
  await loadRuns(db, entries, state);
  await loadSteps(db, entries, state);
  await loadOtherSteps(db, entries, state);
  await loadRooms(db, entries, state);
  return state;
}

async function loadOutcomes(db: Database, entries: readonly Entry[], state: BatchState): Promise<void> {
  const { rows } = await db.query<OutcomeRow & object>(OUTCOMES, [
    textArray(entries.map(({ event }) => event.tenantid)),
    textArray(entries.map(({ event }) => event.id)),
  ]);
  for (const row of rows) state.outcomes.set(outcomeKey(row.tenant_id, row.event_id), row);
}

async function loadKeys(db: Database, entries: readonly Entry[], state: BatchState): Promise<void> {
  const keyed = entries.filter(({ event }) => event.idempotencykey !== undefined);
  if (keyed.length === 0) return;
  const { rows } = await db.query<OutcomeRow & { key: string; key_env: string; key_hash: string }>(KEYS, [
    textArray(keyed.map(({ event }) => event.tenantid)),
    textArray(keyed.map(({ event }) => event.env)),
    textArray(keyed.map(({ event }) => event.idempotencykey ?? '')),
  ]);
  for (const { key, key_env, key_hash, ...outcome } of rows) {
    state.keys.set(idempotencyKey(outcome.tenant_id, key_env, key), { hash: key_hash, outcome });
  }
}

async function loadRuns(db: Database, entries: readonly Entry[], state: BatchState): Promise<void> {
  if (entries.length === 0) return;
  const asked = distinct(entries, ({ event }) => [event.tenantid, event.data.run_id]);
  const { rows } = await db.query<RunState & { head_hash: string }>(RUNS, columnsOf(asked, 2));
  for (const { head_hash, ...run } of rows) {
    const inHand = state.run(runKey(run.tenant_id, run.run_id));
    inHand.state = run;
    inHand.head = head_hash;
  }
}

async function loadSteps(db: Database, entries: readonly Entry[], state: BatchState): Promise<void> {
  const ofSteps = entries.filter(({ event }) => affectsSteps(event.type) === 'addressed');
  if (ofSteps.length === 0) return;
  const asked = distinct(ofSteps, ({ event }) => [event.tenantid, event.data.run_id, stepIdOf(event) ?? '']);
  takeSteps(state, (await db.query<LoadedStep>(STEPS, columnsOf(asked, 3))).rows);
}

async function loadOtherSteps(db: Database, entries: readonly Entry[], state: BatchState): Promise<void> {
  const reaching = entries.filter(({ event }) => ['open', 'all'].includes(affectsSteps(event.type)));
  if (reaching.length === 0) return;
  const { rows } = await db.query<LoadedStep>(OTHER_STEPS, [
    reaching.map(({ event }) => event.tenantid),
    reaching.map(({ event }) => event.data.run_id),
    reaching.map(({ event }) => affectsSteps(event.type) === 'all'),
  ]);
  takeSteps(state, rows);
}

async function loadRooms(
  db: Database,
  entries: readonly Entry[],
  state: BatchState,
  memory?: PartitionMemory,
): Promise<void> {
  const asked = new Map<string, string[]>();
  for (const { event, runKey: key } of entries) {
    const run = state.run(key).state;
    const roomId = run ? run.room_id : event.type === 'run.created' ? event.data.room_id : undefined;
    if (roomId === undefined || roomId === null) continue;
    const room = [event.tenantid, run?.env ?? event.env, roomId] as const;
    const ofRoom = roomKey(...room);
    if (state.rooms.has(ofRoom)) continue;
    const known = memory?.room(ofRoom);
    if (known) state.rooms.set(ofRoom, known);
    else asked.set(ofRoom, [...room]);
  }
  if (asked.size === 0) return;
  const { rows } = await db.query<{ tenant_id: string; env: string; room_id: string; last_sequence: number }>(
    ROOMS,
    columnsOf([...asked.values()], 3),
  );
  for (const row of rows) state.room(row.tenant_id, row.env, row.room_id).last_sequence = row.last_sequence;
}

type LoadedStep = StepState & { tenant_id: string };

function takeSteps(state: BatchState, rows: readonly LoadedStep[]): void {
  for (const { tenant_id, ...step } of rows) state.run(runKey(tenant_id, step.run_id)).steps.set(step.step_id, step);
}

function distinct(entries: readonly Entry[], of: (entry: Entry) => string[]): string[][] {
  const rows = new Map<string, string[]>();
  for (const entry of entries) {
    const row = of(entry);
    rows.set(row.join('/'), row);
  }
  return [...rows.values()];
}

function columnsOf(rows: readonly string[][], width: number): Buffer[] {
  return Array.from({ length: width }, (_, column) => textArray(rows.map((row) => row[column]!)));
}
