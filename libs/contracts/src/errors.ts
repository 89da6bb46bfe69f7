import type { ErrorEntry } from './error-entry.js';
import { NEXUS_ERRORS } from './nexus-errors.js';

/** Every error code there is. docs/errors.md is rendered from it. */
export const ERRORS = {
  'request.malformed': {
    status: 400,
    retryable: false,
    meaning: 'The body is not JSON, or a header or parameter has no readable form. Mend the request.',
  },
  'request.invalid': {
    status: 400,
    retryable: false,
    meaning: 'A field, parameter or header does not fit; details.faults names each by its path.',
  },
  'request.too_large': {
    status: 413,
    retryable: false,
    meaning: 'The body, or the data of one event, is over the limit that details names. Send less, or in parts.',
  },
  'request.unsupported_media_type': { status: 415, retryable: false, meaning: 'Bodies are application/json.' },
  'request.not_found': {
    status: 404,
    retryable: false,
    meaning: 'There is nothing at this address. /docs lists what there is.',
  },
  'request.method_not_allowed': { status: 405, retryable: false, meaning: 'The address exists, with other methods.' },
  'request.timeout': { status: 408, retryable: true, meaning: 'The request did not arrive in time.' },
  'auth.forbidden': {
    status: 403,
    retryable: false,
    meaning: 'The caller lacks the role that details.required names.',
  },
  'auth.ticket_invalid': {
    status: 401,
    retryable: false,
    meaning: 'The stream ticket is malformed, expired or of another stream. Take a new one: POST /v1/streams/tickets.',
  },
  'cursor.invalid': {
    status: 400,
    retryable: false,
    meaning: 'The cursor was not made by this list with these filters. Begin without a cursor.',
  },
  'stream.position_invalid': {
    status: 400,
    retryable: false,
    meaning: 'The position is past the end of the stream. Begin from details.last or without a position.',
  },
  'stream.too_many': {
    status: 503,
    retryable: true,
    meaning: 'This gateway holds as many streams as it may. Try again, or another gateway.',
  },
  'idempotency.key_reused': {
    status: 422,
    retryable: false,
    meaning: 'The idempotency key came before with another route or body. Use a new key.',
  },
  'event.malformed': {
    status: 400,
    retryable: false,
    meaning: 'The record is not a CloudEvent: not JSON, or an attribute is missing or has no readable form.',
  },
  'event.unknown_type': {
    status: 400,
    retryable: false,
    meaning: 'Nobody defined an event of this type. docs/events.md lists them.',
  },
  'event.unknown_version': { status: 400, retryable: false, meaning: 'The type exists, in other versions.' },
  'event.invalid': {
    status: 400,
    retryable: false,
    meaning: "A field of the event's data or envelope does not fit; its path is named.",
  },
  'event.too_large': {
    status: 413,
    retryable: false,
    meaning: "The event's data is over 256 KiB, or its record over 1 MiB once it is unpacked.",
  },
  'event.wrong_partition': {
    status: 400,
    retryable: false,
    meaning:
      "The record's key is not tenant/affinity, or it lies on another partition than murmur2 of its key. librdkafka needs partitioner=murmur2_random.",
  },
  'event.id_reused': {
    status: 409,
    retryable: false,
    meaning: 'The event id came before with another type or other data, or in another env. Use a new id.',
  },
  'event.parked': {
    status: 422,
    retryable: false,
    meaning:
      'PostgreSQL refused this event alone (details.sqlstate). It lies in the dead letter topic; nothing of it was applied.',
  },
  'event.not_recorded': {
    status: 404,
    retryable: true,
    meaning: 'No outcome of this event is recorded: it is on its way, or was never sent.',
  },
  'run.exists': { status: 409, retryable: false, meaning: 'A run of this id exists.' },
  'run.not_found': { status: 404, retryable: false, meaning: 'There is no such run for this tenant and env.' },
  'run.version_mismatch': {
    status: 412,
    retryable: false,
    meaning: "The run's version is not the one expected (If-Match, expectedversion); details.current has it.",
  },
  'run.invalid_transition': {
    status: 409,
    retryable: false,
    meaning: 'The run is in a state that refuses this event; details.current names it.',
  },
  'run.annotations_full': {
    status: 409,
    retryable: false,
    meaning:
      'With this event the run would have more than 1,000 names of tags, of metadata or of scores, or more than 1 MiB of them together.',
  },
  'step.not_found': { status: 404, retryable: false, meaning: 'The run has no such step.' },
  'step.exists': { status: 409, retryable: false, meaning: 'The run has a step of this id.' },
  'step.invalid_transition': {
    status: 409,
    retryable: false,
    meaning: 'The step is in a state that refuses this event; details.current names it.',
  },
  'checkpoint.not_found': { status: 404, retryable: false, meaning: 'No completed run executed this fingerprint.' },
  'event_spine.unavailable': {
    status: 503,
    retryable: true,
    meaning:
      'Kafka did not acknowledge in time. The event may still be applied: send it again with the same idempotency key or event id (details.event_id).',
  },
  'event_spine.overloaded': {
    status: 503,
    retryable: true,
    meaning: 'The queue towards Kafka is full; nothing was taken. Try again.',
  },
  'event_spine.log_mismatch': {
    status: 503,
    retryable: false,
    meaning:
      'The Kafka log is not the one that the projections were folded from (another cluster, or positions outside it). docs/operations.md has the command that resolves it.',
  },
  // nexus.…, nexus_store.…, nexus_blob_store.…, nexus_route.…
  ...NEXUS_ERRORS,
  'admin.job_not_found': { status: 404, retryable: false, meaning: 'There is no such job of this tenant.' },
  'admin.job_running': {
    status: 409,
    retryable: false,
    meaning: 'One job of a kind runs at a time: details.job_id. Wait for it, or cancel it.',
  },
  'admin.job_interrupted': {
    status: 503,
    retryable: false,
    meaning: 'The process that ran the job ended, or lost PostgreSQL. Nothing is half done: start it again.',
  },
  'admin.job_cancelled': { status: 409, retryable: false, meaning: 'Somebody cancelled the job.' },
  'dead_letter.not_found': {
    status: 404,
    retryable: false,
    meaning: 'The dead letter topic has no record there; it is kept for 30 days.',
  },
  'dead_letter.cut': {
    status: 409,
    retryable: false,
    meaning:
      'The letter keeps only a part of a record that was too large; only its producer can send it again, smaller.',
  },
  'projector.unavailable': {
    status: 503,
    retryable: true,
    meaning: 'The projector does not answer; audits, rebuilds and dead letters are its matter.',
  },
  'store.unavailable': {
    status: 503,
    retryable: true,
    meaning: 'PostgreSQL does not answer. Reads fail; writes with Prefer: respond-async still work.',
  },
  'service.draining': {
    status: 503,
    retryable: true,
    meaning: 'This instance is shutting down. Try again: another one answers.',
  },
  'service.internal': {
    status: 500,
    retryable: true,
    meaning: 'A fault of ours. details is empty; the log has it under request_id.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** Why a readable event was refused: the code of a rejection. */
export type RejectionReason =
  | 'event.id_reused'
  | 'idempotency.key_reused'
  | 'run.exists'
  | 'run.not_found'
  | 'step.not_found'
  | 'run.version_mismatch'
  | 'run.invalid_transition'
  | 'run.annotations_full'
  | 'step.exists'
  | 'step.invalid_transition';
