import type {
  RecordedEvent,
  Run,
  RunEventType,
  StepEventType,
  StepResource,
  SubmittedEvent,
} from '@runspine/contracts';

/** What was measured: the fields that totals are made of. A field that nobody gave is absent. */
export interface MetricTotals {
  rows_in?: number;
  rows_out?: number;
  llm_calls?: number;
  tokens?: number;
  tokens_in?: number;
  tokens_out?: number;
  /** US dollars. */
  cost_usd?: number;
}

/** A run as the state machine keeps it: the resource, and what the next events are folded with. Plain JSON. */
export interface RunState extends Run {
  metrics: MetricTotals;
  /** What the run itself gave when it ended. */
  own_metrics: MetricTotals;
  /** The sum of its steps' totals. A field that a step once gave stays, 0 at least. */
  step_metrics: MetricTotals;
  /** The latest `run.*` event but heartbeats: the cause of the next one. */
  last_run_event_id: string;
}

/** A step as the state machine keeps it. Plain JSON. */
export interface StepState extends StepResource {
  metrics: MetricTotals;
  /** What the step itself gave when this attempt ended. */
  own_metrics: MetricTotals;
  /** The sum of its details, over all attempts: what was spent stays spent. */
  detail_metrics: MetricTotals;
  /** The step's latest event: the cause of its next one. */
  last_event_id: string;
}

/** What an event meets: its run, and the step it addresses; undefined where there is none. */
export interface View {
  readonly run: RunState | undefined;
  readonly step: StepState | undefined;
}

/** A submitted event of a step. */
export type SubmittedStepEvent = Extract<SubmittedEvent, { type: StepEventType }>;
/** An applied event of a run itself. */
export type RecordedRunEvent = Extract<RecordedEvent, { type: RunEventType }>;
/** An applied event of a step. */
export type RecordedStepEvent = Extract<RecordedEvent, { type: StepEventType }>;

/** True once a run completed, failed or was cancelled: it never leaves that state. */
export function isFinished(run: Run): boolean {
  return run.status !== 'created' && run.status !== 'running';
}

/** True while a step has not said how it ended: pending or running. */
export function isOpenStep(step: StepResource): boolean {
  return step.status === 'pending' || step.status === 'running';
}

/** True for an event of a step, narrowing it. */
export function isStepEvent<E extends { type: string }>(event: E): event is Extract<E, { type: StepEventType }> {
  return event.type.startsWith('step.');
}
