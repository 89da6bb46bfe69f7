import Type, { type Static } from 'typebox';
import { Count, described, Metadata } from './fields.js';
import { NameId } from './ids.js';

/** Most documents, and most deletions, that one request may have. */
export const INGEST_DOCUMENTS_MAX = 1000;
/** Largest body of an ingest request, in bytes. */
export const INGEST_BODY_BYTES_MAX = 16 * 1024 * 1024;
/** Most chunks that one document may bring. */
export const DOCUMENT_CHUNKS_MAX = 10_000;
/** Longest embedding. */
export const VECTOR_DIMENSION_MAX = 8192;
/** Largest number that a 32-bit float holds. */
const FLOAT32_MAX = 3.4028234663852886e38;

/** 1-512 characters, none of them a control character or a line separator. */
export const DOCUMENT_ID_PATTERN = '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]{1,512}$';
/** A blob's key inside the route of its owner: parts of letters, digits, `.`, `_`, `-`, with slashes between. */
export const BLOB_KEY_PATTERN = '^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}){0,7}$';

/** RFC 3339, as JSON Schema alone can say it. */
const RFC3339_PATTERN = '^\\d{4}-\\d{2}-\\d{2}[Tt ]\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,9})?(?:[Zz]|[+-]\\d{2}:\\d{2})$';

export const DocumentId = Type.String({
  pattern: DOCUMENT_ID_PATTERN,
  description: '1-512 printable characters; a document of the same id is replaced whole.',
});
const documentId = new RegExp(DOCUMENT_ID_PATTERN, 'u');
export const isDocumentId = (value: string): boolean => documentId.test(value) && value.isWellFormed();

/** `tenant` is the caller's own space, `global` the one of its surface that everybody may read. */
export const Scope = Type.Enum(['tenant', 'global'], {
  description: "`tenant`: the tenant's own. `global`: the surface's, which belongs to `t_system`.",
});

/** A space as events name it: tenant and env are the envelope's, but a global space's tenant is `t_system`. */
export const SpaceRef = Type.Object(
  { scope: Scope, project: NameId, surface: NameId, space_id: NameId },
  {
    additionalProperties: true,
    description:
      "The space, inside the envelope's tenant and env; a global one inside `t_system`. Its path is the key.",
  },
);
export type SpaceRef = Static<typeof SpaceRef>;

/** A blob by its owner: what the routes of that tenant, env and project resolve. */
export const BlobRef = Type.Object(
  {
    tenant: NameId,
    env: NameId,
    project: NameId,
    key: Type.String({ pattern: BLOB_KEY_PATTERN, description: "The blob's key in its owner's blob store." }),
  },
  { additionalProperties: true, description: 'A blob, in the blob store that serves its owner.' },
);
export type BlobRef = Static<typeof BlobRef>;

/** An embedding that the caller made. All of a space have one dimension. */
export const Vector = Type.Array(Type.Number({ minimum: -FLOAT32_MAX, maximum: FLOAT32_MAX }), {
  minItems: 1,
  maxItems: VECTOR_DIMENSION_MAX,
  description: "An embedding: 32-bit floats, as many as the space's others have.",
});

/** A piece of a document, cut by the caller. */
export const IngestChunk = Type.Object(
  {
    text: Type.String({ minLength: 1, maxLength: INGEST_BODY_BYTES_MAX }),
    vector: Type.Optional(Vector),
    metadata: Type.Optional(described(Metadata, "Of this chunk; wins over the document's, name by name.")),
  },
  { additionalProperties: false, description: 'What is embedded and found.' },
);
export type IngestChunk = Static<typeof IngestChunk>;

const Text = Type.String({
  minLength: 1,
  maxLength: INGEST_BODY_BYTES_MAX,
  description: 'The whole text; it is cut into chunks.',
});
const Chunks = Type.Array(IngestChunk, {
  minItems: 1,
  maxItems: DOCUMENT_CHUNKS_MAX,
  description: 'The document in pieces of your own.',
});

const aboutDocument = {
  vector: Type.Optional(described(Vector, 'The embedding of a text that is to stay one chunk.')),
  type: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: 'What it is, to filter by.' })),
  metadata: Type.Optional(described(Metadata, 'Names of 1-256 characters to any JSON value, to filter by.')),
  source_uri: Type.Optional(
    Type.String({ minLength: 1, maxLength: 2048, description: 'Where it came from, as hits show it.' }),
  ),
  occurred_at: Type.Optional(
    Type.String({ pattern: RFC3339_PATTERN, description: 'When it happened or was written: RFC 3339.' }),
  ),
};

/** A document as it is sent over HTTP: one of text, chunks and blob_uri. */
export const IngestDocument = Type.Object(
  {
    document_id: Type.Optional(described(DocumentId, 'Made from the task and its place in the request when absent.')),
    text: Type.Optional(Text),
    chunks: Type.Optional(Chunks),
    blob_uri: Type.Optional(
      Type.String({
        maxLength: 1100,
        pattern: `^blob://${BLOB_KEY_PATTERN.slice(1)}`,
        description: 'Text in UTF-8, put there by `POST /nexus/blobs`.',
      }),
    ),
    ...aboutDocument,
  },
  { additionalProperties: false, description: 'One of text, chunks and blob_uri.' },
);
export type IngestDocument = Static<typeof IngestDocument>;

/** A document as an event, or a payload blob, carries it. */
export const EventDocument = Type.Object(
  {
    document_id: DocumentId,
    text: Type.Optional(Text),
    chunks: Type.Optional(Chunks),
    blob: Type.Optional(BlobRef),
    ...aboutDocument,
  },
  { additionalProperties: true, description: 'One of text, chunks and blob. Replaces the document of its id whole.' },
);
export type EventDocument = Static<typeof EventDocument>;

/** How a text is cut into chunks. */
export const Chunking = Type.Object(
  {
    strategy: Type.Optional(
      Type.Enum(['auto', 'markdown', 'sentences', 'none'], {
        description:
          '`markdown` cuts at headings first, `sentences` at sentences, `none` keeps a text whole; `auto`, the default, takes markdown where it sees it.',
      }),
    ),
    chunk_chars: Type.Optional(
      Type.Integer({ minimum: 64, maximum: 32_768, description: 'Characters of a chunk at most; 1,200 by default.' }),
    ),
    overlap_chars: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 8192,
        description: 'Characters of the chunk before that a chunk begins with, at most half a chunk; 120 by default.',
      }),
    ),
  },
  { additionalProperties: false, description: 'How texts are cut into chunks.' },
);
export type Chunking = Static<typeof Chunking>;

/** Why a document, or a whole task, came to nothing. */
export const TaskError = Type.Object(
  {
    document_id: Type.Optional(described(DocumentId, 'The document; absent where it is the whole task.')),
    code: Type.String({ minLength: 1, maxLength: 128, description: 'A code of the registry.' }),
    message: Type.String({ maxLength: 4096 }),
  },
  { additionalProperties: true, description: 'What went wrong. Further fields are kept.' },
);
export type TaskError = Static<typeof TaskError>;

/** The version of a space's table; each commit makes the next. */
export const SpaceVersion = described(Count, "The version of the space's table.");
