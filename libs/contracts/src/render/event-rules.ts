import type { EventType } from '../events.js';

/** What an event does, and the states it is accepted in, as the documents tell it. The state machine is tested to agree. */
export interface EventRule {
  readonly effect: string;
  /** States of the run that accept it; `none` is a run that does not exist. */
  readonly run: readonly RunPlace[];
  /** States of the step that accept it, in an open run; `none` is a step that does not exist. Of step events only. */
  readonly step?: readonly StepPlace[];
  /** What the states alone do not say. */
  readonly condition?: string;
}

export type RunPlace = 'none' | 'created' | 'running' | 'completed' | 'failed' | 'cancelled';
export type StepPlace = 'none' | 'pending' | 'running' | 'completed' | 'failed' | 'skipped';

const open = ['created', 'running'] as const;
const anyRun = ['created', 'running', 'completed', 'failed', 'cancelled'] as const;
const anyStep = ['pending', 'running', 'completed', 'failed', 'skipped'] as const;
const detail = (effect: string): EventRule => ({ effect, run: open, step: anyStep });

export const EVENT_RULES: Record<EventType, EventRule> = {
  'run.created': { effect: 'The run exists: `created`. Its sequence begins at 1.', run: ['none'] },
  'run.started': { effect: '`created` → `running`.', run: ['created'] },
  'run.completed': {
    effect: '`running` → `completed`. Steps that never said how they ended become `unreported`.',
    run: ['running'],
  },
  'run.failed': {
    effect: '→ `failed`. Steps that never said how they ended become `unreported`.',
    run: open,
  },
  'run.cancelled': {
    effect: '→ `cancelled`. Steps that never said how they ended become `unreported`.',
    run: open,
  },
  'run.heartbeat': {
    effect: 'Moves `last_seen_at`. Takes no sequence and is not journalled; its outcome names the current sequence.',
    run: open,
  },
  'run.annotated': {
    effect: 'Tags, metadata (by top-level name) and scores (by `name`) are merged; the last of a name wins.',
    run: anyRun,
  },
  'run.erased': { effect: 'Payloads of the run and its steps are gone; hashes stay.', run: anyRun },
  'step.created': { effect: 'The step exists: `pending`.', run: open, step: ['none'] },
  'step.inputs_resolved': detail('Keeps what the step received.'),
  'step.started': {
    effect: '→ `running`.',
    run: open,
    step: ['pending', 'failed'],
    condition: 'From `failed` only with an `attempt` above the last one; from `pending` with none below it.',
  },
  'step.completed': {
    effect: '→ `completed`.',
    run: open,
    step: ['running', 'pending'],
    condition: 'From `pending` only with `source: "checkpoint"`.',
  },
  'step.failed': { effect: '→ `failed`.', run: open, step: ['pending', 'running'] },
  'step.template_resolved': detail('A detail of the step.'),
  'step.provider_called': detail('A detail of the step; counts one of `llm_calls`.'),
  'step.provider_responded': detail('A detail of the step; counts its tokens.'),
  'step.skipped': { effect: '→ `skipped`.', run: open, step: ['pending'] },
  'step.schema_validated': detail('A detail of the step.'),
  'step.retrieved': detail('A detail of the step: what a retrieval gave, and the data version it came from.'),
};
