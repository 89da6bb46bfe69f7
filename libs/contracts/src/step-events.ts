import Type from 'typebox';
import { defineEvent } from './define-event.js';
import { Count, DurationMs, ErrorInfo, Json, Label, Metrics, Reason, ResultSource, Title } from './fields.js';
import { RunId, StepId } from './ids.js';

const ofStep = { run_id: RunId, step_id: StepId };
const Attempt = Type.Integer({ minimum: 1, maximum: 1_000_000 });

/** A unit of work inside a run, waiting. */
export const stepCreated = defineEvent(
  'step.created',
  1,
  'A unit of work inside the run, pending.',
  {
    ...ofStep,
    name: Title,
    kind: Type.Optional(Label),
    parent_step_id: Type.Optional(StepId),
    depends_on: Type.Optional(Type.Array(StepId, { maxItems: 256 })),
    /** Which try this is, from 1. */
    attempt: Type.Optional(Attempt),
  },
  ['name'],
);

/** What the step received. */
export const stepInputsResolved = defineEvent(
  'step.inputs_resolved',
  1,
  'What the step received.',
  { ...ofStep, inputs: Json },
  ['inputs'],
);

/** The step is executing; after a failure, with a higher attempt. */
export const stepStarted = defineEvent('step.started', 1, 'The step is executing.', {
  ...ofStep,
  attempt: Type.Optional(Attempt),
});

/** The step reached its end. From pending only with source `checkpoint`. */
export const stepCompleted = defineEvent(
  'step.completed',
  1,
  'The step reached its end.',
  {
    ...ofStep,
    output: Type.Optional(Json),
    duration_ms: Type.Optional(DurationMs),
    metrics: Type.Optional(Metrics),
    source: Type.Optional(ResultSource),
  },
  ['output'],
);

/** The step ended with an error, or could not start. */
export const stepFailed = defineEvent(
  'step.failed',
  1,
  'The step ended with an error, or could not start.',
  {
    ...ofStep,
    error: ErrorInfo,
    duration_ms: Type.Optional(DurationMs),
    metrics: Type.Optional(Metrics),
  },
  ['error'],
);

/** A template was filled in. */
export const stepTemplateResolved = defineEvent(
  'step.template_resolved',
  1,
  'A template was filled in.',
  { ...ofStep, template: Json, result: Json },
  ['template', 'result'],
);

/** A model provider was asked; counts one LLM call. */
export const stepProviderCalled = defineEvent('step.provider_called', 1, 'A model provider was asked.', {
  ...ofStep,
  provider: Label,
  model: Label,
  /** Characters of the prompt. */
  prompt_len: Count,
});

/** A model provider answered; its tokens count. */
export const stepProviderResponded = defineEvent('step.provider_responded', 1, 'A model provider answered.', {
  ...ofStep,
  provider: Label,
  model: Label,
  /** Characters of the answer. */
  output_len: Count,
  /** All tokens; used where tokens_in and tokens_out are absent. */
  tokens_used: Type.Optional(Count),
  tokens_in: Type.Optional(Count),
  tokens_out: Type.Optional(Count),
});

/** The step was not needed. */
export const stepSkipped = defineEvent(
  'step.skipped',
  1,
  'The step was not needed.',
  { ...ofStep, reason: Type.Optional(Reason) },
  ['reason'],
);

/** An output was held against a schema. */
export const stepSchemaValidated = defineEvent('step.schema_validated', 1, 'An output was held against a schema.', {
  ...ofStep,
  schema_path: Type.String({ minLength: 1, maxLength: 1024 }),
  valid: Type.Boolean(),
});

/** What a retrieval gave, and the version of the data that it came from. */
export const stepRetrieved = defineEvent(
  'step.retrieved',
  1,
  'What a retrieval gave, and the data version it came from.',
  {
    ...ofStep,
    space: Type.String({ minLength: 1, maxLength: 512 }),
    query: Json,
    hits: Type.Array(
      Type.Object({ id: Type.String({ maxLength: 1024 }), score: Type.Number() }, { additionalProperties: true }),
      {
        maxItems: 1000,
      },
    ),
    snapshot: Json,
  },
  ['query', 'hits'],
);

/** Every event of a step. */
export const STEP_EVENT_DEFINITIONS = [
  stepCreated,
  stepInputsResolved,
  stepStarted,
  stepCompleted,
  stepFailed,
  stepTemplateResolved,
  stepProviderCalled,
  stepProviderResponded,
  stepSkipped,
  stepSchemaValidated,
  stepRetrieved,
] as const;
