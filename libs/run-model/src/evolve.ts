import type { RecordedEvent } from '@runspine/contracts';
import { createRun, evolveRun } from './evolve-run.js';
import { createStep, evolveStep } from './evolve-step.js';
import { moveSums, totalsOf } from './metrics.js';
import { type RecordedStepEvent, type RunState, type View, isStepEvent } from './state.js';

/**
 * The run, and the step that the event addresses, after an applied event. Never changes its arguments, and shares with
 * them what stayed the same. Steps beyond the addressed one (`affectsSteps`) are for `closeStep` and `eraseStep`.
 * @throws Error for an event that could not have been applied: without its run or its step. A fault of the caller.
 */
export function evolve(view: View, event: RecordedEvent): View {
  const { run, step } = view;
  if (event.type === 'run.created') return { run: createRun(event), step };
  if (!run) throw new Error(`${event.type} ${event.event_id} has no run to fold into`);
  if (!isStepEvent(event)) return { run: evolveRun(run, event), step };
  if (event.type === 'step.created') {
    return { run: withStepEvent(run, event), step: createStep(event) };
  }
  if (!step) throw new Error(`${event.type} ${event.event_id} has no step to fold into`);
  const after = evolveStep(step, event);
  const moved = withStepEvent(run, event);
  if (after.metrics !== step.metrics) {
    moved.step_metrics = moveSums(run.step_metrics, step.metrics, after.metrics);
    moved.metrics = totalsOf(run.own_metrics, moved.step_metrics);
  }
  return { run: moved, step: after };
}

function withStepEvent(run: RunState, event: RecordedStepEvent): RunState {
  const next = { ...run };
  next.version = event.run_sequence;
  if (event.recorded_at > run.last_seen_at) next.last_seen_at = event.recorded_at;
  return next;
}
