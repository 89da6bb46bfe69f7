import Type, { type Static } from 'typebox';
import type { Fault } from './json.js';

/** An entry of the error registry. */
export interface ErrorEntry {
  /** HTTP status of the answer; for codes that only dead letters and rejections carry, of a look-up that shows them. */
  readonly status: number;
  /** True when the same request may succeed later. */
  readonly retryable: boolean;
  /** When it happens, and what to do. */
  readonly meaning: string;
}

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
  'event.too_large': { status: 413, retryable: false, meaning: "The event's data is over 256 KiB." },
  'event.wrong_partition': {
    status: 400,
    retryable: false,
    meaning:
      "The record's key is not tenant/affinity, or it lies on another partition than murmur2 of its key. librdkafka needs partitioner=murmur2_random.",
  },
  'event.id_reused': {
    status: 409,
    retryable: false,
    meaning: 'The event id came before with another type or other data. Use a new id.',
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
  'nexus.unavailable': {
    status: 503,
    retryable: true,
    meaning: 'The nexus service does not answer, or not in time. Nothing of a query is kept: ask again.',
  },
  'nexus.task_not_found': {
    status: 404,
    retryable: true,
    meaning: 'There is no such task for this tenant and env, or it is not recorded yet.',
  },
  'nexus.task_failed': {
    status: 409,
    retryable: false,
    meaning: 'The task that the query is to come after has failed; details.errors says why.',
  },
  'nexus.task_pending': {
    status: 503,
    retryable: true,
    meaning: 'The task that the query is to come after is not done yet; details.status says how far it is.',
  },
  'nexus.task_mismatch': {
    status: 409,
    retryable: false,
    meaning: 'The event names a task of another tenant, env or space.',
  },
  'nexus.space_not_found': {
    status: 404,
    retryable: false,
    meaning: 'There is no such space for this tenant, env, project and surface. The first ingest makes it.',
  },
  'nexus.global_write_forbidden': {
    status: 403,
    retryable: false,
    meaning: 'Global spaces are written by the tenant t_system, or with the role system or admin.',
  },
  'nexus.query_invalid': {
    status: 400,
    retryable: false,
    meaning: 'The query does not fit; details.faults names each field by its path.',
  },
  'nexus.filter_invalid': {
    status: 400,
    retryable: false,
    meaning:
      'The filter is not understood at details.path; nothing of it is ever ignored. docs/nexus.md has its operators.',
  },
  'nexus.cursor_invalid': {
    status: 410,
    retryable: false,
    meaning: 'The cursor is not of this query, or what it points to is gone. Ask without a cursor.',
  },
  'nexus.snapshot_invalid': { status: 400, retryable: false, meaning: 'What as_of has is no snapshot of this space.' },
  'nexus.snapshot_expired': {
    status: 410,
    retryable: false,
    meaning: 'The versions of this snapshot are no longer kept. Ask without as_of.',
  },
  'nexus.dimension_mismatch': {
    status: 400,
    retryable: false,
    meaning: "The vector has not the space's dimension, which details.dimension names.",
  },
  'nexus.embedding_mismatch': {
    status: 409,
    retryable: false,
    meaning: 'The space was made with another embedding model or dimension. Use that one, or another space.',
  },
  'nexus.embedder_unavailable': {
    status: 503,
    retryable: true,
    meaning: 'The embedder does not answer, or is busy.',
  },
  'nexus.embedder_invalid': {
    status: 502,
    retryable: false,
    meaning:
      'The embedder refuses us, or answers what cannot be used: the wrong number or length of vectors. Its operator looks at its settings.',
  },
  'nexus.reranker_invalid': {
    status: 502,
    retryable: false,
    meaning: 'The reranker refuses us, or answers what cannot be used. Ask without rerank.',
  },
  'nexus.blob_forbidden': {
    status: 403,
    retryable: false,
    meaning: 'The blob belongs to another tenant, env or project than the event that names it.',
  },
  'nexus.reranker_unavailable': {
    status: 503,
    retryable: true,
    meaning: 'The reranker does not answer, or is busy. Ask without rerank.',
  },
  'nexus.document_too_large': {
    status: 413,
    retryable: false,
    meaning: 'The text of a document, or one of its chunks, is over the limit that details names.',
  },
  'nexus.blob_not_found': {
    status: 404,
    retryable: false,
    meaning: "The blob store of the caller's route has no such blob.",
  },
  'nexus.blob_reference_invalid': {
    status: 400,
    retryable: false,
    meaning: 'Not a reference to a blob: only blob://key is one, as POST /nexus/blobs answered it.',
  },
  'nexus.blob_too_large': {
    status: 413,
    retryable: false,
    meaning: 'The blob is over the limit: details.bytes_max.',
  },
  'nexus.blob_unreadable': {
    status: 400,
    retryable: false,
    meaning: 'The blob is not what was said of it: not text in UTF-8, or not the JSON of a payload.',
  },
  'nexus_store.missing_route': {
    status: 503,
    retryable: false,
    meaning: 'No route says where spaces of this tenant, env and project are stored. An admin sets one: /nexus/routes.',
  },
  'nexus_store.unavailable': { status: 503, retryable: true, meaning: 'The store of the space does not answer.' },
  'nexus_blob_store.missing_route': {
    status: 503,
    retryable: false,
    meaning: 'No route says where blobs of this tenant, env and project are kept. An admin sets one: /nexus/routes.',
  },
  'nexus_blob_store.unavailable': {
    status: 503,
    retryable: true,
    meaning: 'The blob store does not answer, or refuses us. If it stays so, an admin looks at its route.',
  },
  'nexus_blob_store.overloaded': {
    status: 503,
    retryable: true,
    meaning: 'This gateway takes as many blobs at once as it may. Try again, or another gateway.',
  },
  'nexus_route.not_found': { status: 404, retryable: false, meaning: 'There is no route with exactly this key.' },
  'nexus_route.forbidden': {
    status: 403,
    retryable: false,
    meaning:
      'The route leads where its writer may not lead it: details.reason says why, docs/operations.md which settings allow it.',
  },
  'nexus_route.too_many': {
    status: 409,
    retryable: false,
    meaning: 'There are as many routes as there may be (details.routes_max). Delete some.',
  },
  'nexus_route.secret_missing': {
    status: 503,
    retryable: false,
    meaning: 'The route refers to secrets that the environment of this process does not have: details.names.',
  },
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
  | 'step.exists'
  | 'step.invalid_transition';

/** The shape of every error answer. */
export const ErrorBody = Type.Object({
  error: Type.Object({
    code: Type.String({ description: 'A code of the registry (docs/errors.md).' }),
    message: Type.String(),
    retryable: Type.Boolean(),
    details: Type.Record(Type.String(), Type.Unknown()),
    request_id: Type.String(),
  }),
});
export type ErrorBody = Static<typeof ErrorBody>;

/** An expected failure, with a code of the registry. Anything else that is thrown is a bug. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';

  constructor(
    readonly code: ErrorCode,
    message?: string,
    readonly details: Record<string, unknown> = {},
    options?: ErrorOptions,
  ) {
    super(message ?? ERRORS[code].meaning, options);
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/** A `request.invalid` that names each fault; its message is the first. */
export function invalidRequest(faults: Fault[]): ServiceError {
  const first = faults[0];
  const message = first ? `${first.path || 'body'} ${first.message}` : undefined;
  return new ServiceError('request.invalid', message, { faults });
}
