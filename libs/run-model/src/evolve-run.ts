import { annotated } from './annotations.js';
import { eraseRun } from './erase.js';
import { NO_METRICS, ownMetrics, totalsOf } from './metrics.js';
import type { RecordedRunEvent, RunState } from './state.js';
import { durationMs } from './times.js';

/** Seconds of silence after which a run that names no other limit reads stalled. */
export const STALE_AFTER_S = 900;

type RunCreated = Extract<RecordedRunEvent, { type: 'run.created' }>;
type LaterRunEvent = Exclude<RecordedRunEvent, RunCreated>;

/** The run that a `run.created` makes. */
export function createRun(event: RunCreated): RunState {
  const { data } = event;
  return {
    run_id: event.run_id,
    tenant_id: event.tenant_id,
    env: event.env,
    project_id: event.project_id,
    surface_id: event.surface_id,
    room_id: event.room_id,
    external_id: data.external_id ?? null,
    name: data.name ?? null,
    kind: data.kind ?? null,
    stage: data.stage ?? null,
    parent_run_id: data.parent_run_id ?? null,
    rerun_of: data.rerun_of ?? null,
    command: data.command ?? null,
    cwd: data.cwd ?? null,
    stale_after_s: data.stale_after_s ?? STALE_AFTER_S,
    input: data.input ?? null,
    output: null,
    tags: data.tags ?? {},
    scores: [],
    metadata: data.metadata ?? {},
    code_ref: data.code_ref ?? null,
    config_hash: data.config_hash ?? null,
    input_fingerprint: data.input_fingerprint ?? null,
    trace_id: data.trace_id ?? null,
    status: 'created',
    version: event.run_sequence,
    task_count: null,
    error: null,
    failed_step_id: null,
    cancel_reason: null,
    source: null,
    checkpoint_run_id: null,
    duration_ms: null,
    metrics: NO_METRICS,
    correlation_id: event.correlation_id,
    created_at: event.time,
    started_at: null,
    ended_at: null,
    last_seen_at: event.recorded_at,
    erased_at: null,
    own_metrics: NO_METRICS,
    step_metrics: NO_METRICS,
    last_run_event_id: event.event_id,
  };
}

/** A run after one of its own events. A heartbeat moves `last_seen_at` and nothing else. */
export function evolveRun(run: RunState, event: LaterRunEvent): RunState {
  const next: RunState = event.type === 'run.erased' ? eraseRun(run) : { ...run };
  if (event.recorded_at > run.last_seen_at) next.last_seen_at = event.recorded_at;
  if (event.type === 'run.heartbeat') return next;
  next.version = event.run_sequence;
  next.last_run_event_id = event.event_id;
  switch (event.type) {
    case 'run.started':
      next.status = 'running';
      next.started_at = event.time;
      next.task_count = event.data.task_count ?? null;
      break;
    case 'run.completed':
      end(next, 'completed', event);
      next.output = event.data.output ?? null;
      next.source = event.data.source ?? 'executed';
      next.checkpoint_run_id = event.data.checkpoint_run_id ?? null;
      break;
    case 'run.failed':
      end(next, 'failed', event);
      next.error = event.data.error ?? null;
      next.failed_step_id = event.data.failed_step_id ?? null;
      break;
    case 'run.cancelled':
      end(next, 'cancelled', event);
      next.cancel_reason = event.data.reason ?? null;
      break;
    case 'run.annotated':
      Object.assign(next, annotated(next, event.data));
      break;
    case 'run.erased':
      next.erased_at = event.time;
  }
  return next;
}

type RunEnd = Extract<LaterRunEvent, { type: 'run.completed' | 'run.failed' | 'run.cancelled' }>;

function end(next: RunState, status: 'completed' | 'failed' | 'cancelled', event: RunEnd): void {
  next.status = status;
  next.ended_at = event.time;
  if (event.type === 'run.cancelled') {
    next.duration_ms = durationMs(undefined, next.started_at, event.time);
    return;
  }
  next.duration_ms = durationMs(event.data.duration_ms, next.started_at, event.time);
  next.own_metrics = ownMetrics(event.data.metrics);
  next.metrics = totalsOf(next.own_metrics, next.step_metrics);
}
