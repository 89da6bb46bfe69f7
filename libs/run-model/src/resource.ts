import type { Run, RunResource, StepResource } from '@runspine/contracts';
import { isFinished } from './state.js';

/** A run as the API shows it: without what the state machine keeps for itself, and with `stalled` as of `nowMs`. */
export function runResource(run: Run, nowMs: number): RunResource {
  return { ...runOf(run), stalled: isStalled(run, nowMs) };
}

/** True for an open run that gave no sign of life for its `stale_after_s`. `nowMs`: Unix milliseconds. */
export function isStalled(run: Run, nowMs: number): boolean {
  return !isFinished(run) && nowMs - Date.parse(run.last_seen_at) >= run.stale_after_s * 1000;
}

/** A run without what the state machine, or a row of it, keeps besides: what the feed carries. */
export function runOf(run: Run): Run {
  return {
    run_id: run.run_id,
    tenant_id: run.tenant_id,
    env: run.env,
    project_id: run.project_id,
    surface_id: run.surface_id,
    room_id: run.room_id,
    external_id: run.external_id,
    name: run.name,
    kind: run.kind,
    stage: run.stage,
    parent_run_id: run.parent_run_id,
    rerun_of: run.rerun_of,
    command: run.command,
    cwd: run.cwd,
    stale_after_s: run.stale_after_s,
    input: run.input,
    output: run.output,
    tags: run.tags,
    scores: run.scores,
    metadata: run.metadata,
    code_ref: run.code_ref,
    config_hash: run.config_hash,
    input_fingerprint: run.input_fingerprint,
    trace_id: run.trace_id,
    status: run.status,
    version: run.version,
    task_count: run.task_count,
    error: run.error,
    failed_step_id: run.failed_step_id,
    cancel_reason: run.cancel_reason,
    source: run.source,
    checkpoint_run_id: run.checkpoint_run_id,
    duration_ms: run.duration_ms,
    metrics: run.metrics,
    correlation_id: run.correlation_id,
    created_at: run.created_at,
    started_at: run.started_at,
    ended_at: run.ended_at,
    last_seen_at: run.last_seen_at,
    erased_at: run.erased_at,
  };
}

/** A step as the API shows it: without what the state machine keeps for itself. */
export function stepResource(step: StepResource): StepResource {
  return {
    run_id: step.run_id,
    step_id: step.step_id,
    name: step.name,
    kind: step.kind,
    parent_step_id: step.parent_step_id,
    depends_on: step.depends_on,
    attempt: step.attempt,
    status: step.status,
    inputs: step.inputs,
    output: step.output,
    error: step.error,
    skip_reason: step.skip_reason,
    source: step.source,
    duration_ms: step.duration_ms,
    metrics: step.metrics,
    created_at: step.created_at,
    started_at: step.started_at,
    ended_at: step.ended_at,
    created_sequence: step.created_sequence,
  };
}
