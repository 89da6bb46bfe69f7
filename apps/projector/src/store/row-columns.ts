import type { RunState, StepState } from '@runspine/run-model';
import type { RoomInHand } from '../runs/batch-state.js';
import type { FoldedBatch, JournalRow, RejectionRow } from '../runs/fold-batch.js';
import type { OutcomeRow } from '../runs/outcome-row.js';
import type { Column } from './binary-rows.js';

export const JOURNAL: Column<JournalRow>[] = [
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
export const APPLIED: Column<JournalRow>[] = [
  ...JOURNAL,
  { name: 'content_hash', type: 'bytea', of: ({ entry }) => entry.hash },
  { name: 'submitted_env', type: 'text', of: ({ entry }) => entry.event.env },
];

export const OUTCOMES: Column<OutcomeRow>[] = [
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

export type KeyRow = FoldedBatch['keys'][number] & { recorded_at: string };
export const KEYS: Column<KeyRow>[] = [
  { name: 'tenant_id', type: 'text', of: (row) => row.tenant_id },
  { name: 'env', type: 'text', of: (row) => row.env },
  { name: 'key', type: 'text', of: (row) => row.key },
  { name: 'hash', type: 'bytea', of: (row) => row.hash },
  { name: 'event_id', type: 'uuid', of: (row) => row.event_id },
  { name: 'recorded_at', type: 'timestamptz', of: (row) => row.recorded_at },
];

export const REJECTIONS: Column<RejectionRow>[] = [
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

export type RoomRow = RoomInHand & { updated_at: string };
export const ROOMS: Column<RoomRow>[] = [
  ...texts<RoomRow>('tenant_id', 'env', 'room_id'),
  { name: 'last_sequence', type: 'bigint', of: (room) => room.last_sequence },
  ...times<RoomRow>('updated_at'),
];

export const MOVES: Column<Advance>[] = [
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
