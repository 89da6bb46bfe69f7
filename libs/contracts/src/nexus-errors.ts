import type { ErrorEntry } from './error-entry.js';

/** The codes of nexus: queries, tasks, blobs, and the stores and routes they need. Part of `ERRORS`. */
export const NEXUS_ERRORS = {
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
} as const satisfies Record<string, ErrorEntry>;
