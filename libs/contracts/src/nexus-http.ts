import Type, { type Static } from 'typebox';
import { CLOSED, Count, DateTime, orNull } from './fields.js';
import { NameId, TaskId } from './ids.js';
import { BLOB_KEY_PATTERN, Chunking, INGEST_DOCUMENTS_MAX, IngestDocument, Scope, TaskError } from './nexus-fields.js';

/** The body of `POST /nexus/spaces/:spaceId/ingest`. */
export const IngestRequest = Type.Object(
  {
    scope: Type.Optional(Scope),
    documents: Type.Array(IngestDocument, { minItems: 1, maxItems: INGEST_DOCUMENTS_MAX }),
    chunking: Type.Optional(Chunking),
  },
  { ...CLOSED, description: 'Documents to put into a space; one of an id that is there replaces it whole.' },
);
export type IngestRequest = Static<typeof IngestRequest>;

/** Parameters of `DELETE /nexus/spaces/:spaceId/documents/:documentId` and of reads of one space. */
export const ScopeQuery = Type.Object({ scope: Type.Optional(Scope) });
export type ScopeQuery = Static<typeof ScopeQuery>;

/** The answer 202 of what is done as a task. */
export const TaskAccepted = Type.Object({ task_id: TaskId });
export type TaskAccepted = Static<typeof TaskAccepted>;

export const TASK_STATUSES = ['queued', 'running', 'completed', 'failed'] as const;

/** A task: the work on one ingest or removal. */
export const TaskResource = Type.Object({
  task_id: TaskId,
  space_id: NameId,
  scope: Scope,
  project: NameId,
  surface: NameId,
  status: Type.Enum([...TASK_STATUSES]),
  /** Documents and removals of the task. */
  documents: Count,
  /** How many of them are done. */
  documents_done: Count,
  /** Chunks indexed so far. */
  chunks: Count,
  /** The version of the space that has all of it; null until it is known. */
  version: orNull(Count),
  errors: Type.Array(TaskError),
  created_at: DateTime,
  updated_at: DateTime,
  ended_at: orNull(DateTime),
});
export type TaskResource = Static<typeof TaskResource>;

/** A space as lists show it. */
export const SpaceResource = Type.Object({
  space_id: NameId,
  scope: Scope,
  /** Live chunks. */
  rows: Count,
  documents: Count,
  bytes: Count,
  version: Count,
  embedding: Type.Object({ model: Type.String(), dimension: Type.Integer() }),
});
export type SpaceResource = Static<typeof SpaceResource>;

/** A page of spaces, by name; `next_cursor` is null on the last one. */
export const SpaceList = Type.Object({ items: Type.Array(SpaceResource), next_cursor: orNull(Type.String()) });
export type SpaceList = Static<typeof SpaceList>;

/** The answer of `POST /nexus/blobs`. */
export const BlobAccepted = Type.Object({
  blob_uri: Type.String({ pattern: `^blob://${BLOB_KEY_PATTERN.slice(1)}`, description: 'What ingest takes.' }),
  bytes: Count,
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Of the bytes as they arrived, hexadecimal.' }),
});
export type BlobAccepted = Static<typeof BlobAccepted>;
