import type { CommandDefinition, ErrorCode } from '@runspine/contracts';
import { type AnswerDoc, ApiDoc, type ParameterDoc, schemaRef } from '../http/api-doc.js';

const HEADERS: Record<string, ParameterDoc> = {
  'Idempotency-Key': {
    description: 'The same key with the same method, path and body gets the first outcome again, for 24 h at least.',
    schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
  },
  'If-Match': { description: 'Only if the run\'s version is this one, such as `"3"`; else 412.' },
  Prefer: {
    description:
      '`respond-async`: answer 202 as soon as Kafka has the event. `wait=N`: wait N seconds (at most 60) for the ' +
      'outcome, then answer 202 once Kafka has the event. Both: as wait=N.',
  },
  'X-Correlation-Id': { description: "What the run belongs to; counts at its creation, a later event's is kept." },
  'X-Causation-Id': { description: 'What led to this; counts at the creation, a later one is kept.' },
  traceparent: { description: 'W3C trace context, kept with the event.' },
};

const ERRORS_OF_WRITES: readonly ErrorCode[] = [
  'request.malformed',
  'request.too_large',
  'request.unsupported_media_type',
  'event.too_large',
  'event.id_reused',
  'idempotency.key_reused',
  'event.parked',
  'event_spine.unavailable',
  'event_spine.overloaded',
  'store.unavailable',
];

export const RUN_ID_PARAM: ParameterDoc = { description: 'Run id.', schema: schemaRef('RunId') };
export const STEP_ID_PARAM: ParameterDoc = { description: 'Step id.', schema: schemaRef('StepId') };

/** Headers that answers of writes have. */
const ANSWER_HEADERS = {
  ETag: "The run's version, in quotes.",
  'Idempotency-Replayed': '`true`: the outcome of an earlier submission, told again.',
  'Preference-Applied': 'What of Prefer was honoured.',
  'X-Request-Id': 'Id of this request.',
};

/** The answers of a write that may be pending. */
export const PENDING_ANSWER: AnswerDoc = {
  description: 'Kafka has the event; its outcome is not known yet. Ask at Location.',
  schema: schemaRef('Pending'),
  headers: { Location: '/v1/events/{event_id}', 'Preference-Applied': ANSWER_HEADERS['Preference-Applied'] },
};

/** Documents the route of a command: what every write takes and answers, and its own words. */
export function WriteDoc(command: CommandDefinition, summary: string, description: string): MethodDecorator {
  const { type } = command.event;
  const ofStep = command.resource === 'step';
  const creates = type === 'run.created' || type === 'step.created';
  const params = {
    ...(type === 'run.created' ? {} : { runId: RUN_ID_PARAM }),
    ...(ofStep && !creates ? { stepId: STEP_ID_PARAM } : {}),
  };
  const location: Record<string, string> = type === 'run.created' ? { Location: '/v1/runs/{run_id}' } : {};
  const answer: AnswerDoc = {
    description: `\`${type}\` is applied; the ${command.resource} as it is after it.`,
    schema: schemaRef(ofStep ? 'Step' : 'Run'),
    headers: { ...ANSWER_HEADERS, ...location },
  };
  return ApiDoc({
    tag: ofStep ? 'steps' : 'runs',
    summary,
    description: `${description} Submits \`${type}\`.`,
    params,
    headers: HEADERS,
    body: { schema: schemaRef(command.name), required: (command.body.required ?? []).length > 0 },
    answers: { [creates ? 201 : 200]: answer, 202: PENDING_ANSWER },
    errors: [...refusalsOf(type), ...ERRORS_OF_WRITES],
  });
}

/** Documents the batch. */
export function BatchDoc(): MethodDecorator {
  const headers = { ...HEADERS };
  delete headers['If-Match'];
  return ApiDoc({
    tag: 'events',
    summary: 'Submit up to 1,000 events of one run',
    description:
      'In their order. All are checked before the first is sent: one that is malformed refuses the batch, with its ' +
      'path. Then each has its own outcome, also where an earlier one was refused. With an Idempotency-Key, each ' +
      'event has the key `key#index`. `run.erased` takes the role admin.',
    params: { runId: RUN_ID_PARAM },
    headers,
    body: { schema: schemaRef('EventBatch') },
    answers: {
      200: {
        description: 'An outcome an event, in order.',
        schema: schemaRef('BatchResults'),
        headers: ANSWER_HEADERS,
      },
      202: {
        description: 'Kafka has the events; some outcomes, or all, are not known yet.',
        schema: schemaRef('BatchResults'),
        headers: { 'Preference-Applied': ANSWER_HEADERS['Preference-Applied'] },
      },
    },
    errors: ['run.not_found', ...ERRORS_OF_WRITES],
  });
}

function refusalsOf(type: string): ErrorCode[] {
  if (type === 'run.created') return ['run.exists', 'run.version_mismatch'];
  const ofRun: ErrorCode[] = ['run.not_found', 'run.version_mismatch', 'run.invalid_transition'];
  if (type === 'step.created') return [...ofRun, 'step.exists'];
  if (type === 'run.annotated') return [...ofRun, 'run.annotations_full'];
  return type.startsWith('step.') ? [...ofRun, 'step.not_found', 'step.invalid_transition'] : ofRun;
}
