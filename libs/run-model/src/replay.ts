import type { RecordedEvent } from '@runspine/contracts';
import { affectsSteps, closeStep } from './affected-steps.js';
import { eraseStep } from './erase.js';
import { evolve } from './evolve.js';
import type { RunState, StepState, View } from './state.js';

/** One run and all its steps, folded event by event from the journal: state at a sequence, rebuild, verification. */
export class Replay {
  run: RunState | undefined;
  /** By step id, in the order of their creation. */
  readonly steps = new Map<string, StepState>();

  /** What an event of this step (null: of the run itself) meets. */
  viewOf(stepId: string | null): View {
    return { run: this.run, step: stepId === null ? undefined : this.steps.get(stepId) };
  }

  /**
   * Folds the next applied event, in place.
   * @throws Error for an event that could not have been applied, such as a first one that is no `run.created`.
   */
  apply(event: RecordedEvent): void {
    const { run, step } = evolve(this.viewOf(event.step_id), event);
    this.run = run;
    if (event.step_id !== null && step) this.steps.set(event.step_id, step);
    const affected = affectsSteps(event.type);
    if (affected === 'open') this.replaceSteps((each) => closeStep(each, event));
    if (affected === 'all') this.replaceSteps(eraseStep);
  }

  private replaceSteps(change: (step: StepState) => StepState): void {
    for (const [id, step] of this.steps) this.steps.set(id, change(step));
  }
}
