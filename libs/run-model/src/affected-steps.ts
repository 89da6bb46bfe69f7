import type { EventType, RecordedEvent } from '@runspine/contracts';
import { isOpenStep, type StepState } from './state.js';

/**
 * The steps beside the run that an event of this type moves, so that a handler knows which to hold: `none`, the
 * `addressed` one, every `open` one (`closeStep`), or `all` of the run's (`eraseStep`).
 */
export function affectsSteps(type: EventType): 'none' | 'addressed' | 'open' | 'all' {
  if (type.startsWith('step.')) return 'addressed';
  if (endsRun(type)) return 'open';
  return type === 'run.erased' ? 'all' : 'none';
}

/** True for the events that end a run. */
export function endsRun(type: EventType): boolean {
  return type === 'run.completed' || type === 'run.failed' || type === 'run.cancelled';
}

/**
 * A step after `event` ended its run: a pending or running one is `unreported`, since it never said how it ended; nor
 * when, so it has no end time. Any other step, and any event that ends no run, gives back the step itself.
 */
export function closeStep(step: StepState, event: RecordedEvent): StepState {
  return endsRun(event.type) && isOpenStep(step) ? { ...step, status: 'unreported' } : step;
}
