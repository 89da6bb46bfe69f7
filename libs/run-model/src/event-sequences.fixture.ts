import { affinityOf, definitionOf, type EventType, isStepEventType, type SubmittedEvent } from '@runspine/contracts';
import fc from 'fast-check';
import { event } from './spine.fixture.js';

const room = 'room-a';
const affinity = affinityOf({ tenantId: 'acme', env: 'default', roomId: room });
/** Small pools, so that ids collide. */
export const RUN_IDS = [1, 2].map((n) => `run_018bcfe56800${affinity}${n.toString(16).padStart(12, '0')}`);
const STEP_IDS = [1, 2, 3].map((n) => `step_${n.toString(16).padStart(32, '0')}`);

const name = fc.constantFrom('a', 'b', '__proto__', 'constructor', 'toString', 'hasOwnProperty');
const json = fc.jsonValue({ maxDepth: 2 });
const words = fc.string({ minLength: 1, maxLength: 8 });
const count = fc.oneof({ weight: 5, arbitrary: fc.nat(20) }, { weight: 1, arbitrary: fc.constant(2 ** 40) });
const cost = fc.oneof(
  fc.nat(5000).map((cents) => cents / 1000),
  fc.double({ min: 0, max: 100, noNaN: true }),
);
const error = fc.record({ message: words, code: words, detail: json }, { requiredKeys: ['message'] });
const metrics = fc.record(
  {
    rows_in: count,
    rows_out: count,
    llm_calls: count,
    tokens: count,
    tokens_in: count,
    tokens_out: count,
    cost_usd: cost,
    other: json,
  },
  { requiredKeys: [] },
);
const mapOf = (value: fc.Arbitrary<unknown>) =>
  fc.array(fc.tuple(name, value), { maxLength: 4 }).map(Object.fromEntries);
const tags = mapOf(words);
const metadata = mapOf(json);
const scores = fc.array(fc.record({ name, value: fc.integer(), comment: words }, { requiredKeys: ['name', 'value'] }), {
  maxLength: 3,
});
const source = fc.constantFrom('executed', 'checkpoint');
const duration_ms = fc.oneof(fc.nat(9000), fc.constant(0.25));
const attempt = fc.integer({ min: 1, max: 4 });
const provider = { provider: fc.constant('p'), model: fc.constant('m') };

function shape(required: Record<string, fc.Arbitrary<unknown>>, optional: Record<string, fc.Arbitrary<unknown>> = {}) {
  const fields: Record<string, fc.Arbitrary<unknown>> = { ...required, ...optional, not_of_the_contract: json };
  return fc.record(fields, { requiredKeys: Object.keys(required) });
}

/** Data of each type beside its ids, and how often the type comes. */
const TYPES: { [T in EventType]: [weight: number, data: fc.Arbitrary<object>] } = {
  'run.created': [
    6,
    shape(
      {},
      {
        room_id: fc.constant(room),
        external_id: words,
        name: words,
        kind: words,
        stage: words,
        parent_run_id: fc.constantFrom(...RUN_IDS),
        command: words,
        stale_after_s: fc.integer({ min: 1, max: 5000 }),
        input: json,
        tags,
        metadata,
        code_ref: words,
      },
    ),
  ],
  'run.started': [6, shape({}, { task_count: count })],
  'run.completed': [1, shape({}, { output: json, duration_ms, metrics, source })],
  'run.failed': [1, shape({ error }, { failed_step_id: fc.constantFrom(...STEP_IDS), duration_ms, metrics })],
  'run.cancelled': [1, shape({}, { reason: words })],
  'run.heartbeat': [3, shape({})],
  'run.annotated': [4, shape({}, { tags, scores, metadata })],
  'run.erased': [1, shape({ reason: words })],
  'step.created': [
    20,
    shape(
      { name: words },
      { kind: words, depends_on: fc.subarray(STEP_IDS), attempt, parent_step_id: fc.constantFrom(...STEP_IDS) },
    ),
  ],
  'step.inputs_resolved': [3, shape({ inputs: json })],
  'step.started': [28, shape({}, { attempt })],
  'step.completed': [10, shape({}, { output: json, duration_ms, metrics, source })],
  'step.failed': [16, shape({ error }, { duration_ms, metrics })],
  'step.template_resolved': [1, shape({ template: json, result: json })],
  'step.provider_called': [4, shape({ ...provider, prompt_len: count })],
  'step.provider_responded': [
    5,
    shape({ ...provider, output_len: count }, { tokens_used: count, tokens_in: count, tokens_out: count }),
  ],
  'step.skipped': [1, shape({}, { reason: words })],
  'step.schema_validated': [1, shape({ schema_path: words, valid: fc.boolean() })],
  'step.retrieved': [1, shape({ space: words, query: json, hits: fc.constant([]), snapshot: json })],
};

const envelope = fc.record(
  {
    env: fc.oneof({ weight: 30, arbitrary: fc.constant('default') }, { weight: 1, arbitrary: fc.constant('staging') }),
    expectedversion: fc.nat(6),
    correlationid: fc.constantFrom('order-1', 'order-2'),
    causationid: fc.constantFrom('click-1', 'click-2'),
    time: fc.integer({ min: 0, max: 100_000 }).map((ms) => new Date(Date.UTC(2026, 0, 1) + ms).toISOString()),
  },
  { requiredKeys: ['env', 'time'] },
);
const mostlyPlain = fc.oneof(
  { weight: 8, arbitrary: envelope.map(({ expectedversion: _any, ...rest }) => rest) },
  { weight: 1, arbitrary: envelope },
);

const submitted = fc.oneof(
  ...Object.entries(TYPES).map(([type, [weight, data]]) => ({
    weight,
    arbitrary: fc
      .tuple(
        fc.oneof(
          { weight: 4, arbitrary: fc.constant(RUN_IDS[0]!) },
          { weight: 1, arbitrary: fc.constant(RUN_IDS[1]!) },
        ),
        fc.constantFrom(...STEP_IDS),
        data,
        mostlyPlain,
      )
      .map(([run_id, step_id, fields, attributes]) =>
        wellFormed(type as EventType, run_id, step_id, fields, attributes),
      ),
  })),
);

/** Any sequence of well-formed events of two runs, each event with an id of its own. */
export const eventSequences: fc.Arbitrary<SubmittedEvent[]> = fc
  .tuple(fc.array(submitted, { maxLength: 60, size: 'max' }), fc.boolean())
  .map(([events, begun]) => [...(begun ? [wellFormed('run.created', RUN_IDS[0]!, '', {}, {})] : []), ...events])
  .map((events) => events.map((each, index) => ({ ...each, id: eventId(index) })));

function wellFormed(
  type: EventType,
  run_id: string,
  step_id: string,
  fields: object,
  attributes: object,
): SubmittedEvent {
  const ids = isStepEventType(type) ? { run_id, step_id } : { run_id };
  const made = event(type, { ...fields, ...ids }, { ...attributes, subject: run_id });
  // Data is what a JSON text says: there is no -0, and __proto__ is a name like any other.
  const data = JSON.parse(JSON.stringify(made.data)) as SubmittedEvent['data'];
  const faults = definitionOf(type)!.faults(data);
  if (faults.length > 0) throw new Error(`${type} is not well-formed: ${JSON.stringify(faults)}`);
  return { ...made, data } as SubmittedEvent;
}

function eventId(index: number): string {
  return `00000000-0000-7000-8000-${index.toString(16).padStart(12, '0')}`;
}
