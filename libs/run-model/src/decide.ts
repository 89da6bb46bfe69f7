import type { RejectionReason, SubmittedEvent } from '@runspine/contracts';
import { annotated, annotationsFit } from './annotations.js';
import { type RunState, type StepState, type SubmittedStepEvent, type View, isFinished, isStepEvent } from './state.js';

/** What becomes of an event: it applies, or it is refused. */
export type Decision = Apply | Refusal;

/** The event applies: give it its sequences and fold it. */
export interface Apply {
  readonly kind: 'apply';
}

/** The event is refused and changes nothing. */
export interface Refusal {
  readonly kind: 'refuse';
  readonly reason: RejectionReason;
  /** The state that refused it: the run's or the step's status; null where there was neither. */
  readonly current: string | null;
}

type Reason = Exclude<RejectionReason, 'event.id_reused' | 'idempotency.key_reused'>;

const APPLY: Apply = Object.freeze({ kind: 'apply' });

/**
 * What this event may do to this run and step. Pure: the projector, replay and rebuild share it. The checks stand in
 * the order in which their reasons take precedence. Event ids and idempotency keys that came before are not its matter.
 */
export function decide(view: View, event: SubmittedEvent): Decision {
  const { run, step } = view;
  if (event.type === 'run.created') return decideCreation(run, event);
  if (!run || run.env !== event.env || run.tenant_id !== event.tenantid) return refuse('run.not_found', null);
  const stepEvent = isStepEvent(event) ? event : undefined;
  if (stepEvent && !step && stepEvent.type !== 'step.created') return refuse('step.not_found', null);
  if (event.expectedversion !== undefined && event.expectedversion !== run.version) {
    return refuse('run.version_mismatch', run.status);
  }
  if (isFinished(run) && event.type !== 'run.annotated' && event.type !== 'run.erased') {
    return refuse('run.invalid_transition', run.status);
  }
  if (stepEvent) return decideStep(step, stepEvent);
  if (event.type === 'run.failed' && wasSeenSince(run, event.data.error)) {
    return refuse('run.version_mismatch', run.status);
  }
  if (event.type === 'run.annotated' && !annotationsFit(annotated(run, event.data))) {
    return refuse('run.annotations_full', run.status);
  }
  return mayRunMove(run, event.type) ? APPLY : refuse('run.invalid_transition', run.status);
}

function decideCreation(run: RunState | undefined, event: SubmittedEvent): Decision {
  if (run) return refuse('run.exists', run.env === event.env ? run.status : null);
  // A run that does not exist yet has version 0.
  return (event.expectedversion ?? 0) === 0 ? APPLY : refuse('run.version_mismatch', null);
}

/** Whoever gives a run up as lost says when it was last seen: a heartbeat since then, which moves no version, wins. */
function wasSeenSince(run: RunState, error: { code?: string; detail?: unknown } | undefined): boolean {
  if (error?.code !== 'run.lost') return false;
  const seen = (error.detail as { last_seen_at?: unknown } | null | undefined)?.last_seen_at;
  return typeof seen === 'string' && run.last_seen_at > seen;
}

function mayRunMove(run: RunState, type: SubmittedEvent['type']): boolean {
  if (type === 'run.started') return run.status === 'created';
  if (type === 'run.completed') return run.status === 'running';
  return true;
}

function decideStep(step: StepState | undefined, event: SubmittedStepEvent): Decision {
  if (event.type === 'step.created') return step ? refuse('step.exists', step.status) : APPLY;
  if (!step) return refuse('step.not_found', null);
  return mayStepMove(step, event) ? APPLY : refuse('step.invalid_transition', step.status);
}

function mayStepMove(step: StepState, event: SubmittedStepEvent): boolean {
  const { status } = step;
  switch (event.type) {
    case 'step.started':
      if (status === 'pending') return (event.data.attempt ?? step.attempt) >= step.attempt;
      return status === 'failed' && (event.data.attempt ?? 0) > step.attempt;
    case 'step.completed':
      return status === 'running' || (status === 'pending' && event.data.source === 'checkpoint');
    case 'step.failed':
      return status === 'pending' || status === 'running';
    case 'step.skipped':
      return status === 'pending';
    default:
      return true; // Details, and the inputs, are welcome in any state of a step while its run is open.
  }
}

function refuse(reason: Reason, current: string | null): Refusal {
  return { kind: 'refuse', reason, current };
}
