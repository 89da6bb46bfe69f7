import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Types of rows as the projector hands them over, an array a table. They stand beside the tables' own types, which change
 * when a column is added and are others after a rebuild: a writer of an earlier version goes on meanwhile.
 */
export class RowTypes1764000000015 implements MigrationInterface {
  readonly name = 'RowTypes1764000000015';

  async up(runner: QueryRunner): Promise<void> {
    for (const [name, columns] of Object.entries(TYPES)) await runner.query(`CREATE TYPE ${name} AS (${columns})`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of Object.keys(TYPES)) await runner.query(`DROP TYPE ${name}`);
  }
}

const TYPES: Record<string, string> = {
  projector_offsets_move: `topic text, partition integer, cluster_id text, from_position bigint, to_position bigint, epoch integer`,
  event_outcomes_row: `tenant_id text, event_id uuid, hash bytea, outcome text, env text, run_id text, step_id text,
    first_event_id uuid, run_sequence bigint, room_sequence bigint, reason text, current text, version bigint,
    sqlstate text, recorded_at timestamptz`,
  idempotency_keys_row: `tenant_id text, env text, key text, hash bytea, event_id uuid, recorded_at timestamptz`,
  run_events_row: `tenant_id text, run_id text, run_sequence bigint, event_id uuid, type text, time timestamptz,
    recorded_at timestamptz, source text, env text, project_id text, surface_id text, step_id text, room_id text,
    room_sequence bigint, correlation_id text, causation_id text, producer_correlation_id text,
    producer_causation_id text, traceparent text, source_partition integer, source_offset bigint, data json,
    data_hash bytea, prev_hash bytea, hash bytea, content_hash bytea, submitted_env text`,
  rejections_row: `tenant_id text, source_partition integer, source_offset bigint, env text, event_id uuid, type text,
    run_id text, step_id text, reason text, current text, version bigint, time timestamptz,
    recorded_at timestamptz, source text, correlation_id text, data json`,
  proj_runs_row: `tenant_id text, run_id text, env text, project_id text, surface_id text, room_id text, external_id text,
    name text, kind text, stage text, parent_run_id text, rerun_of text, command text, cwd text, code_ref text,
    config_hash text, input_fingerprint text, trace_id text, status text, failed_step_id text,
    cancel_reason text, source text, checkpoint_run_id text, correlation_id text, input jsonb, output jsonb,
    tags jsonb, scores jsonb, metadata jsonb, error jsonb, metrics jsonb, own_metrics jsonb, step_metrics jsonb,
    created_at timestamptz, started_at timestamptz, ended_at timestamptz, last_seen_at timestamptz,
    erased_at timestamptz, stale_after_s integer, version bigint, task_count bigint,
    duration_ms double precision, last_run_event_id uuid, head_hash bytea`,
  proj_steps_row: `tenant_id text, run_id text, step_id text, name text, kind text, parent_step_id text, status text,
    skip_reason text, source text, depends_on jsonb, inputs jsonb, output jsonb, error jsonb, metrics jsonb,
    own_metrics jsonb, detail_metrics jsonb, created_at timestamptz, started_at timestamptz,
    ended_at timestamptz, attempt integer, duration_ms double precision, created_sequence bigint,
    last_event_id uuid`,
  proj_rooms_row: `tenant_id text, env text, room_id text, last_sequence bigint, updated_at timestamptz`,
  nexus_events_row: `stream text, sequence bigint, tenant_id text, env text, project_id text, surface_id text, event_id uuid,
    type text, time timestamptz, recorded_at timestamptz, source text, task_id text, correlation_id text,
    causation_id text, traceparent text, source_partition integer, source_offset bigint, data json,
    data_hash bytea, prev_hash bytea, hash bytea`,
};
