export { affectsSteps, closeStep, endsRun } from './affected-steps.js';
export { ANNOTATION_BYTES_MAX, ANNOTATION_NAMES_MAX } from './annotations.js';
export { type Apply, type Decision, decide, type Refusal } from './decide.js';
export { eraseRun, eraseStep, redact } from './erase.js';
export { STALE_AFTER_S } from './evolve-run.js';
export { evolve } from './evolve.js';
export { type Place, record } from './record.js';
export { Replay } from './replay.js';
export { isStalled, runOf, runResource, stepResource } from './resource.js';
export {
  isFinished,
  isOpenStep,
  isStepEvent,
  type MetricTotals,
  type RunState,
  type StepState,
  type View,
} from './state.js';
