import { addDetail, NO_METRICS, ownMetrics, totalsOf } from './metrics.js';
import type { RecordedStepEvent, StepState } from './state.js';
import { durationMs } from './times.js';

type StepCreated = Extract<RecordedStepEvent, { type: 'step.created' }>;
type LaterStepEvent = Exclude<RecordedStepEvent, StepCreated>;
type StepStarted = Extract<RecordedStepEvent, { type: 'step.started' }>;
type StepEnd = Extract<RecordedStepEvent, { type: 'step.completed' | 'step.failed' }>;

/** The step that a `step.created` makes. */
export function createStep(event: StepCreated): StepState {
  const { data } = event;
  return {
    run_id: event.run_id,
    step_id: data.step_id,
    name: data.name ?? null,
    kind: data.kind ?? null,
    parent_step_id: data.parent_step_id ?? null,
    depends_on: data.depends_on ?? [],
    attempt: data.attempt ?? 1,
    status: 'pending',
    inputs: null,
    output: null,
    error: null,
    skip_reason: null,
    source: null,
    duration_ms: null,
    metrics: NO_METRICS,
    created_at: event.time,
    started_at: null,
    ended_at: null,
    created_sequence: event.run_sequence,
    own_metrics: NO_METRICS,
    detail_metrics: NO_METRICS,
    last_event_id: event.event_id,
  };
}

/** A step after one of its later events. `metrics` stays the same object where the event measured nothing. */
export function evolveStep(step: StepState, event: LaterStepEvent): StepState {
  const next: StepState = { ...step };
  next.last_event_id = event.event_id;
  switch (event.type) {
    case 'step.inputs_resolved':
      next.inputs = event.data.inputs ?? null;
      break;
    case 'step.started':
      start(next, event);
      break;
    case 'step.completed':
      end(next, 'completed', event);
      next.output = event.data.output ?? null;
      next.source = event.data.source ?? 'executed';
      break;
    case 'step.failed':
      end(next, 'failed', event);
      next.error = event.data.error ?? null;
      break;
    case 'step.skipped':
      next.status = 'skipped';
      next.ended_at = event.time;
      next.skip_reason = event.data.reason ?? null;
      break;
    default:
      next.detail_metrics = addDetail(step.detail_metrics, event);
      if (next.detail_metrics !== step.detail_metrics) setTotals(next);
  }
  return next;
}

/** A retry begins anew: what the attempt before it gave is gone, what its details counted stays. */
function start(next: StepState, event: StepStarted): void {
  next.attempt = event.data.attempt ?? next.attempt;
  next.started_at = event.time;
  if (next.status === 'failed') {
    next.ended_at = null;
    next.duration_ms = null;
    next.error = null;
    next.output = null;
    next.own_metrics = NO_METRICS;
    setTotals(next);
  }
  next.status = 'running';
}

function end(next: StepState, status: 'completed' | 'failed', event: StepEnd): void {
  next.status = status;
  next.ended_at = event.time;
  next.duration_ms = durationMs(event.data.duration_ms, next.started_at, event.time);
  if (event.data.metrics === undefined) return;
  next.own_metrics = ownMetrics(event.data.metrics);
  setTotals(next);
}

function setTotals(next: StepState): void {
  next.metrics = totalsOf(next.own_metrics, next.detail_metrics);
}
