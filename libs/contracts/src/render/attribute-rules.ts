import { ATTRIBUTES } from '../attributes.js';
import { CORRELATION_PATTERN, EVENT_ID_PATTERN, NAME_PATTERN, RUN_ID_PATTERN } from '../ids.js';

/** An attribute of the envelope as the documents tell it. */
export interface AttributeRule {
  readonly required: boolean;
  /** What is sent where nobody says otherwise. */
  readonly fallback?: string;
  readonly meaning: string;
  /** JSON Schema of its text. */
  readonly schema: Readonly<Record<string, unknown>>;
}

const name = { type: 'string', pattern: NAME_PATTERN };

export const ATTRIBUTE_RULES: Record<(typeof ATTRIBUTES)[number], AttributeRule> = {
  specversion: { required: true, meaning: 'The CloudEvents version.', schema: { type: 'string', const: '1.0' } },
  id: {
    required: true,
    meaning:
      'The event id: a UUID of any version (7 is best), your own for each event. Send the same id again when in doubt.',
    schema: { type: 'string', pattern: EVENT_ID_PATTERN },
  },
  source: {
    required: true,
    meaning: 'Who says it: a URI reference, such as `/pipelines/documents`. 1-512 printable ASCII characters.',
    schema: { type: 'string', pattern: '^[\\x20-\\x7e]{1,512}$' },
  },
  type: { required: true, meaning: 'One of the types below.', schema: { type: 'string' } },
  time: {
    required: true,
    meaning: 'When it happened: RFC 3339, up to nine fraction digits, any offset; 1970 or later, at most 24 h ahead.',
    schema: { type: 'string', format: 'date-time' },
  },
  subject: {
    required: true,
    meaning: 'The run id, equal to `run_id` of the data.',
    schema: { type: 'string', pattern: RUN_ID_PATTERN },
  },
  tenantid: { required: true, meaning: 'The tenant.', schema: name },
  env: { required: true, meaning: 'The env.', schema: name },
  dataschema: {
    required: false,
    fallback: 'version 1',
    meaning: 'Ends in `/{type}/v{version}`, such as `runspine://schemas/run.created/v1`.',
    schema: { type: 'string' },
  },
  projectid: {
    required: false,
    fallback: '`default`',
    meaning: 'The project, an attribute to filter by.',
    schema: name,
  },
  surfaceid: {
    required: false,
    fallback: '`default`',
    meaning: 'The surface, an attribute to filter by.',
    schema: name,
  },
  partitionkey: {
    required: false,
    fallback: "the record's key",
    meaning: 'The Kafka key, `tenant/affinity`. Another value is a dead letter.',
    schema: { type: 'string' },
  },
  correlationid: {
    required: false,
    meaning:
      "What the run belongs to. That of `run.created` is the run's; without one its event id is. On a later event it is kept as `producer_correlation_id`.",
    schema: { type: 'string', pattern: CORRELATION_PATTERN },
  },
  causationid: {
    required: false,
    meaning:
      'What led to this event. It counts on `run.created`; on a later event it is kept as `producer_causation_id`, and the projector writes its own.',
    schema: { type: 'string', pattern: CORRELATION_PATTERN },
  },
  traceparent: {
    required: false,
    meaning: 'W3C trace context.',
    schema: { type: 'string', pattern: '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$' },
  },
  expectedversion: {
    required: false,
    meaning: 'The version (run sequence) that the run must have; otherwise `run.version_mismatch`.',
    schema: { type: 'string', pattern: '^[0-9]{1,15}$' },
  },
  idempotencykey: {
    required: false,
    meaning: "For the gateway: its caller's idempotency key. A producer's event id does the same.",
    schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
  },
  idempotencyhash: {
    required: false,
    meaning: 'For the gateway: SHA-256 of route and body, in hex; required beside `idempotencykey`.',
    schema: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  },
  reply: {
    required: false,
    meaning:
      'For the gateway: `resource` asks for the step, or else the run, in the outcome. Other values are ignored.',
    schema: { type: 'string' },
  },
  replyto: {
    required: false,
    meaning:
      "For the gateway: a channel of PostgreSQL's on which it listens for the outcome, 1-63 of `a-z`, `0-9` and `_`. Other values are ignored.",
    schema: { type: 'string' },
  },
};
