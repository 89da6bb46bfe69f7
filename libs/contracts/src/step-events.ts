import Type from 'typebox';
import { defineEvent } from './define-event.js';
import {
  Count,
  described,
  DurationMs,
  ErrorInfo,
  Json,
  Label,
  Metrics,
  Reason,
  ResultSource,
  Title,
} from './fields.js';
import { RunId, StepId } from './ids.js';

const ofStep = { run_id: RunId, step_id: StepId };
const Attempt = Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Which try this is, from 1.' });

/** A unit of work inside a run, waiting. */
export const stepCreated = defineEvent(
  'step.created',
  1,
  'A unit of work inside the run, pending.',
  {
    ...ofStep,
    name: Title,
    kind: Type.Optional(described(Label, 'What sort of step it is, such as `llm` or `tool`.')),
    parent_step_id: Type.Optional(described(StepId, 'The step that this one is part of.')),
    depends_on: Type.Optional(
      Type.Array(StepId, { maxItems: 256, description: 'Steps that it waits for. Told, not enforced.' }),
    ),
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
  provider: described(Label, 'Who serves the model.'),
  model: described(Label, 'Which model.'),
  prompt_len: described(Count, 'Characters of the prompt.'),
});

/** A model provider answered; its tokens count. */
export const stepProviderResponded = defineEvent('step.provider_responded', 1, 'A model provider answered.', {
  ...ofStep,
  provider: described(Label, 'Who serves the model.'),
  model: described(Label, 'Which model.'),
  output_len: described(Count, 'Characters of the answer.'),
  tokens_used: Type.Optional(described(Count, 'All tokens; counts where tokens_in and tokens_out are absent.')),
  tokens_in: Type.Optional(described(Count, 'Tokens of the prompt.')),
  tokens_out: Type.Optional(described(Count, 'Tokens of the answer.')),
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
  schema_path: Type.String({ minLength: 1, maxLength: 1024, description: 'Where the schema lies.' }),
  valid: Type.Boolean({ description: 'Whether the output fits it.' }),
});

/** What a retrieval gave, and the version of the data that it came from. */
export const stepRetrieved = defineEvent(
  'step.retrieved',
  1,
  'What a retrieval gave, and the data version it came from.',
  {
    ...ofStep,
    space: Type.String({ minLength: 1, maxLength: 512, description: 'The space that was asked.' }),
    query: Json,
    hits: Type.Array(
      Type.Object(
        { id: Type.String({ maxLength: 1024 }), score: Type.Number() },
        { additionalProperties: true, description: 'One hit. Further fields are kept.' },
      ),
      { maxItems: 1000, description: 'What came back, the best first.' },
    ),
    snapshot: described(Json, 'The version of the data that was read. Any JSON value.'),
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
