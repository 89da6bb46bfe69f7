import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The tables of the run spine: journal, outcomes, rejections, projections of runs, steps and rooms, offsets. */
export class RunSpine1764000000000 implements MigrationInterface {
  readonly name = 'RunSpine1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [...JOURNAL, ...OUTCOMES, ...PROJECTIONS, ASSERT]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`DROP TABLE ${table}`);
    await runner.query('DROP FUNCTION spine_assert');
  }
}

/** Ends a statement, and all that it did, with a SQLSTATE of ours where something does not hold. */
const ASSERT = `CREATE FUNCTION spine_assert(holds boolean, code text, message text) RETURNS boolean LANGUAGE plpgsql AS $$
  BEGIN
    IF holds IS NOT TRUE THEN
      RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message;
    END IF;
    RETURN true;
  END $$`;

const TABLES = [
  'run_events',
  'event_outcomes',
  'idempotency_keys',
  'rejections',
  'proj_runs',
  'proj_steps',
  'proj_rooms',
  'projector_offsets',
];

const JOURNAL = [
  // data is the canonical text whose hash the chain holds: type json keeps it letter by letter.
  `CREATE TABLE run_events (
    tenant_id text NOT NULL,
    run_id text NOT NULL,
    run_sequence bigint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    time timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    source text NOT NULL,
    env text NOT NULL,
    project_id text NOT NULL,
    surface_id text NOT NULL,
    step_id text,
    room_id text,
    room_sequence bigint,
    correlation_id text NOT NULL,
    causation_id text,
    producer_correlation_id text,
    producer_causation_id text,
    traceparent text,
    source_partition integer NOT NULL,
    source_offset bigint NOT NULL,
    data json NOT NULL,
    data_hash bytea NOT NULL,
    prev_hash bytea,
    hash bytea NOT NULL,
    PRIMARY KEY (tenant_id, run_id, run_sequence)
  )`,
  `CREATE UNIQUE INDEX run_events_room ON run_events (tenant_id, env, room_id, room_sequence) WHERE room_id IS NOT NULL`,
  `CREATE INDEX run_events_correlation ON run_events (tenant_id, env, correlation_id, recorded_at, run_id, run_sequence)`,
];

const OUTCOMES = [
  `CREATE TABLE event_outcomes (
    tenant_id text NOT NULL,
    event_id uuid NOT NULL,
    hash bytea NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('applied', 'rejected', 'parked')),
    env text NOT NULL,
    run_id text NOT NULL,
    step_id text,
    first_event_id uuid NOT NULL,
    run_sequence bigint,
    room_sequence bigint,
    reason text,
    current text,
    version bigint,
    sqlstate text,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, event_id)
  )`,
  `CREATE TABLE idempotency_keys (
    tenant_id text NOT NULL,
    env text NOT NULL,
    key text NOT NULL,
    hash bytea NOT NULL,
    event_id uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, env, key)
  )`,
  `CREATE INDEX idempotency_keys_age ON idempotency_keys (recorded_at)`,
  // An event id that was used twice is refused without a place of its own in event_outcomes: the log's position is the
  // key. Beside the id, since another log that was adopted has the same positions.
  `CREATE TABLE rejections (
    tenant_id text NOT NULL,
    source_partition integer NOT NULL,
    source_offset bigint NOT NULL,
    env text NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    run_id text NOT NULL,
    step_id text,
    reason text NOT NULL,
    current text,
    version bigint,
    time timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    source text NOT NULL,
    correlation_id text,
    data json NOT NULL,
    PRIMARY KEY (tenant_id, source_partition, source_offset, event_id)
  )`,
  `CREATE INDEX rejections_newest ON rejections (tenant_id, env, recorded_at DESC, source_partition, source_offset)`,
  `CREATE INDEX rejections_run ON rejections (tenant_id, run_id, recorded_at)`,
];

const PROJECTIONS = [
  `CREATE TABLE proj_runs (
    tenant_id text NOT NULL,
    run_id text NOT NULL,
    env text NOT NULL,
    project_id text NOT NULL,
    surface_id text NOT NULL,
    room_id text,
    external_id text,
    name text,
    kind text,
    stage text,
    parent_run_id text,
    rerun_of text,
    command text,
    cwd text,
    stale_after_s integer NOT NULL,
    input jsonb,
    output jsonb,
    tags jsonb NOT NULL,
    scores jsonb NOT NULL,
    metadata jsonb NOT NULL,
    code_ref text,
    config_hash text,
    input_fingerprint text,
    trace_id text,
    status text NOT NULL,
    version bigint NOT NULL,
    task_count bigint,
    error jsonb,
    failed_step_id text,
    cancel_reason text,
    source text,
    checkpoint_run_id text,
    duration_ms double precision,
    metrics jsonb NOT NULL,
    own_metrics jsonb NOT NULL,
    step_metrics jsonb NOT NULL,
    correlation_id text NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    last_seen_at timestamptz NOT NULL,
    erased_at timestamptz,
    last_run_event_id uuid NOT NULL,
    head_hash bytea NOT NULL,
    PRIMARY KEY (tenant_id, run_id)
  ) WITH (fillfactor = 80)`,
  `CREATE INDEX proj_runs_newest ON proj_runs (tenant_id, env, created_at DESC, run_id DESC)`,
  `CREATE INDEX proj_runs_room ON proj_runs (tenant_id, env, room_id, created_at DESC, run_id DESC) WHERE room_id IS NOT NULL`,
  `CREATE INDEX proj_runs_parent ON proj_runs (tenant_id, env, parent_run_id) WHERE parent_run_id IS NOT NULL`,
  `CREATE INDEX proj_runs_open ON proj_runs (tenant_id, env, created_at DESC, run_id DESC) WHERE status IN ('created', 'running')`,
  `CREATE INDEX proj_runs_fingerprint ON proj_runs (tenant_id, env, input_fingerprint, ended_at DESC)
    WHERE status = 'completed' AND input_fingerprint IS NOT NULL`,
  `CREATE TABLE proj_steps (
    tenant_id text NOT NULL,
    run_id text NOT NULL,
    step_id text NOT NULL,
    name text,
    kind text,
    parent_step_id text,
    depends_on jsonb NOT NULL,
    attempt integer NOT NULL,
    status text NOT NULL,
    inputs jsonb,
    output jsonb,
    error jsonb,
    skip_reason text,
    source text,
    duration_ms double precision,
    metrics jsonb NOT NULL,
    own_metrics jsonb NOT NULL,
    detail_metrics jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    ended_at timestamptz,
    created_sequence bigint NOT NULL,
    last_event_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, run_id, step_id)
  ) WITH (fillfactor = 80)`,
  `CREATE TABLE proj_rooms (
    tenant_id text NOT NULL,
    env text NOT NULL,
    room_id text NOT NULL,
    last_sequence bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, env, room_id)
  ) WITH (fillfactor = 80)`,
  `CREATE TABLE projector_offsets (
    topic text NOT NULL,
    partition integer NOT NULL,
    cluster_id text NOT NULL,
    position bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (topic, partition)
  ) WITH (fillfactor = 50)`,
];
