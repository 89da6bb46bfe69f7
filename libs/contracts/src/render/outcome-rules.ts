import type { RecordedEvent } from '../envelope.js';
import type { ErrorCode, RejectionReason } from '../errors.js';
import { type FeedBatch, OUTCOMES_TYPE } from '../feed.js';
import { EXAMPLE, exampleEvent } from './examples.js';

/** Why a readable event is refused, in the order in which it is checked. */
export const REFUSALS: readonly { reason: RejectionReason; when: string }[] = [
  { reason: 'event.id_reused', when: 'the event id came before, with another type or other data, or in another env.' },
  { reason: 'idempotency.key_reused', when: 'its idempotency key came before, with another hash.' },
  { reason: 'run.exists', when: 'a `run.created` of a run that exists.' },
  { reason: 'run.not_found', when: 'any other event of a run that does not exist.' },
  { reason: 'step.not_found', when: 'an event of a step that does not exist, but `step.created`.' },
  {
    reason: 'run.version_mismatch',
    when: "`expectedversion` is given, and is not the run's version (0 before it exists).",
  },
  {
    reason: 'run.invalid_transition',
    when: 'the run is finished, and the event is neither `run.annotated` nor `run.erased`.',
  },
  { reason: 'step.exists', when: 'a `step.created` of a step that exists.' },
  {
    reason: 'run.annotations_full',
    when: 'a `run.annotated` that would leave more than 1,000 names of a field, or more than 1 MiB of tags, metadata and scores.',
  },
  { reason: 'run.invalid_transition', when: "the run's state does not accept the event." },
  { reason: 'step.invalid_transition', when: "the step's state does not accept the event." },
];

/** Codes that a dead letter may have. */
export const DEAD_LETTER_CODES = [
  'event.malformed',
  'event.unknown_type',
  'event.unknown_version',
  'event.invalid',
  'event.too_large',
  'event.wrong_partition',
  'event.parked',
  'event.id_reused',
  'nexus.task_mismatch',
] as const satisfies readonly ErrorCode[];

/** Headers that a dead letter has beside those of its record. */
export const DEAD_LETTER_HEADERS = {
  dl_topic: 'The topic it came from.',
  dl_partition: 'The partition it came from.',
  dl_offset: 'Its offset there.',
  dl_group: 'The consumer group that could not read it.',
  dl_code: 'Why: a code of the table below, of docs/errors.md.',
  dl_time: 'When it was set aside: RFC 3339.',
  dl_detail:
    'Where and what: an attribute (`time`), `key`, `partition`, or a JSON pointer (`/data/error/message`), and the fault. Empty or at most 1,024 characters.',
  dl_cut: 'What of the record is not whole here: `key`, `headers`, `value`, with commas between. Empty where all is.',
  dl_value_bytes: 'Where the value is cut: how long it was. Else empty.',
  dl_value_sha256: 'Where the value is cut: the SHA-256 of the whole, in hex. Else empty.',
} as const;

/** Headers of a feed record. */
export const FEED_HEADERS = {
  'content-type': '`application/json`',
  ce_specversion: '`1.0`',
  ce_id: "A UUID of the record's own.",
  ce_source: '`/projector`',
  ce_type: `\`${OUTCOMES_TYPE}\``,
  ce_subject: 'The run id.',
  ce_tenantid: "The events' tenant.",
  ce_env: "The events' env.",
} as const;

/** A feed record's value: one applied event. */
export function feedExample(): FeedBatch {
  const event = exampleEvent('step.completed');
  const recorded: RecordedEvent = {
    event_id: event.id,
    type: 'step.completed',
    time: event.time,
    source: event.source,
    tenant_id: event.tenantid,
    env: event.env,
    project_id: event.projectid,
    surface_id: event.surfaceid,
    run_id: EXAMPLE.runId,
    step_id: EXAMPLE.stepId,
    room_id: EXAMPLE.roomId,
    run_sequence: 5,
    room_sequence: 128,
    correlation_id: 'nightly-2026-01-31',
    causation_id: '019c13ec-9dff-7abc-8def-0123456789ab',
    producer_correlation_id: event.correlationid ?? null,
    producer_causation_id: null,
    traceparent: event.traceparent ?? null,
    recorded_at: '2026-01-31T12:00:00.020Z',
    data: { run_id: EXAMPLE.runId, step_id: EXAMPLE.stepId, output: { links: 42 }, duration_ms: 310 },
  };
  const outcome = {
    outcome: 'applied',
    event_id: event.id,
    tenant_id: event.tenantid,
    env: event.env,
    run_id: EXAMPLE.runId,
    step_id: EXAMPLE.stepId,
    repeat: false,
    first_event_id: event.id,
    run_sequence: 5,
    room_sequence: 128,
  } as const;
  return { outcomes: [{ outcome, hash: '6f'.repeat(32), event: recorded }] };
}
