import Type, { type Static, type TSchema } from 'typebox';
import { Count, Label } from './fields.js';
import { NameId, RunId, StepId, TaskId } from './ids.js';
import {
  BLOB_KEY_PATTERN,
  Chunking,
  DocumentId,
  INGEST_DOCUMENTS_MAX,
  IngestDocument,
  Scope,
  TaskError,
  Vector,
} from './nexus-fields.js';

/** Hits of a page when the caller names no number, and at most. */
export const TOP_K_DEFAULT = 10;
export const TOP_K_MAX = 100;
/** Candidates that a source and modality give when the caller names no number, and at most. */
export const DEPTH_DEFAULT = 200;
export const DEPTH_MAX = 1000;
/** Longest question, in characters. */
export const QUERY_CHARS_MAX = 16_384;
/** Most hits that are reranked. */
export const RERANK_MAX = 200;
/** How long a query waits for its `after_task` where no setting says otherwise, in milliseconds. */
export const AFTER_TASK_MS_MAX = 10_000;

const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const closed = { additionalProperties: false } as const;
const Time = Type.String({ format: 'date-time' });
const SourceScope = Type.Enum(['tenant', 'global'], { description: "Whose: the tenant's own, or the global space's." });

/** The body of `POST /nexus/spaces/:spaceId/ingest`. */
export const IngestRequest = Type.Object(
  {
    scope: Type.Optional(Scope),
    documents: Type.Array(IngestDocument, { minItems: 1, maxItems: INGEST_DOCUMENTS_MAX }),
    chunking: Type.Optional(Chunking),
  },
  { ...closed, description: 'Documents to put into a space; one of an id that is there replaces it whole.' },
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
  created_at: Time,
  updated_at: Time,
  ended_at: orNull(Time),
});
export type TaskResource = Static<typeof TaskResource>;

const cap = (whose: string) =>
  Type.Object(
    {
      min: Type.Optional(Type.Integer({ minimum: 0, maximum: TOP_K_MAX })),
      max: Type.Optional(Type.Integer({ minimum: 0, maximum: TOP_K_MAX })),
    },
    { ...closed, description: `Hits ${whose} within each page.` },
  );

/** How the modalities of a hybrid query are fused. */
export const FusionSettings = Type.Object(
  {
    k: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1000,
        description: 'The constant of reciprocal rank fusion; 60 by default.',
      }),
    ),
    weights: Type.Optional(
      Type.Object(
        {
          vector: Type.Optional(Type.Number({ minimum: 0, maximum: 1000 })),
          text: Type.Optional(Type.Number({ minimum: 0, maximum: 1000 })),
        },
        { ...closed, description: 'What the ranks of a modality count; 1 each by default.' },
      ),
    ),
  },
  closed,
);

/** What is to come back with each hit. */
export const INCLUDES = ['text', 'metadata', 'vector', 'scores'] as const;

const query = {
  query: Type.Optional(
    Type.String({ minLength: 1, maxLength: QUERY_CHARS_MAX, description: 'The question, in words.' }),
  ),
  vector: Type.Optional(Vector),
  mode: Type.Optional(
    Type.Enum(['auto', 'hybrid', 'vector', 'text'], {
      description: '`auto`, the default: hybrid where the space has a semantic embedder, else text.',
    }),
  ),
  top_k: Type.Optional(
    Type.Integer({ minimum: 1, maximum: TOP_K_MAX, description: `Hits of a page; ${TOP_K_DEFAULT} by default.` }),
  ),
  filter: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description:
        'Operators $eq $ne $in $nin $gt $gte $lt $lte $exists $and $or $not over type, document_id, source_uri, occurred_at and metadata.key.',
    }),
  ),
  include_global: Type.Optional(
    Type.Boolean({ description: 'Also the global space of the same space_id, env, project and surface.' }),
  ),
  caps: Type.Optional(
    Type.Object(
      { tenant: Type.Optional(cap("of the tenant's own")), global: Type.Optional(cap('of the global space')) },
      closed,
    ),
  ),
  fusion: Type.Optional(FusionSettings),
  rerank: Type.Optional(
    Type.Union([
      Type.Boolean(),
      Type.Object(
        {
          model: Type.Optional(Label),
          top_n: Type.Optional(Type.Integer({ minimum: 1, maximum: RERANK_MAX })),
        },
        closed,
      ),
    ]),
  ),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: 'next_cursor of the page before.' })),
  depth: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: DEPTH_MAX,
      description: `Candidates of each source and modality, and how far paging reaches; ${DEPTH_DEFAULT} by default.`,
    }),
  ),
  include: Type.Optional(
    Type.Array(Type.Enum([...INCLUDES]), {
      maxItems: INCLUDES.length,
      description: 'What comes back with a hit; text and metadata by default.',
    }),
  ),
  run_id: Type.Optional(RunId),
  step_id: Type.Optional(StepId),
  after_task: Type.Optional(TaskId),
  as_of: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: "An earlier answer's snapshot." })),
};

/** The body of `POST /nexus/spaces/:spaceId/query`. */
export const NexusQuery = Type.Object(query, closed);
export type NexusQuery = Static<typeof NexusQuery>;

/** The body of `POST /nexus/query/explain`: a query with its space. */
export const NexusExplainQuery = Type.Object({ space_id: NameId, ...query }, closed);
export type NexusExplainQuery = Static<typeof NexusExplainQuery>;

const hit = {
  id: Type.String({ description: 'The chunk.' }),
  document_id: DocumentId,
  /** What score_kind says; never rises down a list. */
  score: Type.Number(),
  source_scope: SourceScope,
  text: Type.Optional(Type.String()),
  type: orNull(Type.String()),
  metadata: Type.Optional(orNull(Type.Record(Type.String(), Type.Unknown()))),
  source_uri: orNull(Type.String()),
  occurred_at: Type.Optional(orNull(Time)),
  vector: Type.Optional(Type.Array(Type.Number())),
  scores: Type.Optional(
    Type.Object(
      {
        vector: Type.Optional(Type.Number({ description: 'Cosine similarity: 1 - distance.' })),
        text: Type.Optional(Type.Number({ description: 'BM25 over both sources.' })),
        fused: Type.Optional(Type.Number()),
        rerank: Type.Optional(Type.Number()),
      },
      { additionalProperties: true },
    ),
  ),
};

/** One hit of a query. */
export const NexusHit = Type.Object(hit);
export type NexusHit = Static<typeof NexusHit>;

export const SCORE_KINDS = ['rerank', 'rrf', 'bm25', 'cosine'] as const;

/** What was searched, and how. */
export const SearchedReport = Type.Object(
  {
    versions: Type.Object(
      { tenant: Type.Optional(orNull(Count)), global: Type.Optional(orNull(Count)) },
      { additionalProperties: true, description: 'The version of each source; null where it does not exist.' },
    ),
    mode: Type.Enum(['hybrid', 'vector', 'text']),
    embedding: orNull(Type.Object({ model: Type.String(), dimension: Type.Integer() }, { additionalProperties: true })),
    rows: Type.Object(
      { tenant: Type.Optional(Count), global: Type.Optional(Count) },
      { additionalProperties: true, description: 'Chunks of each source.' },
    ),
    fusion: Type.Unknown({ description: 'How sources and modalities were put together.' }),
    took_ms: Type.Number(),
  },
  { additionalProperties: true },
);
export type SearchedReport = Static<typeof SearchedReport>;

const answer = {
  score_kind: Type.Enum([...SCORE_KINDS]),
  next_cursor: orNull(Type.String()),
  truncated: Type.Optional(Type.Boolean({ description: 'The end of depth: there may be more that is not reached.' })),
  snapshot: Type.String({ description: 'Give it as as_of to ask the same data again.' }),
  searched: SearchedReport,
};

/** The answer of a query. */
export const NexusAnswer = Type.Object({ hits: Type.Array(NexusHit), ...answer });
export type NexusAnswer = Static<typeof NexusAnswer>;

/** Where a hit stood in one modality. */
const Place = Type.Object(
  {
    rank: Type.Integer({ minimum: 1, description: 'Over both sources.' }),
    source_rank: Type.Integer({ minimum: 1, description: 'Among the candidates of its own source.' }),
    score: Type.Number(),
  },
  { additionalProperties: true },
);

/** A hit, and how it came to its place. */
export const ExplainedHit = Type.Object({
  ...hit,
  explanation: Type.Object(
    {
      vector: Type.Optional(orNull(Place)),
      text: Type.Optional(orNull(Place)),
      fused: Type.Optional(orNull(Place)),
      rerank: Type.Optional(orNull(Place)),
    },
    { additionalProperties: true, description: 'Rank and score by modality; null where it was no candidate.' },
  ),
});
export type ExplainedHit = Static<typeof ExplainedHit>;

/** The answer of explain: a query's, with each hit's ranks. */
export const ExplainAnswer = Type.Object({ hits: Type.Array(ExplainedHit), ...answer });
export type ExplainAnswer = Static<typeof ExplainAnswer>;

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

/** What is routed: where spaces are stored, and where blobs are. */
export const RESOURCE_KINDS = ['nexus_store', 'nexus_blob_store'] as const;
const Kind = Type.Enum([...RESOURCE_KINDS]);
const OrAny = Type.String({ pattern: '^(\\*|[a-z0-9][a-z0-9_-]{0,63})$', description: 'One, or * for any.' });

/** A route's key, and the parameters of `DELETE /nexus/routes`. */
export const RouteKey = Type.Object({ kind: Kind, tenant_id: OrAny, env: OrAny, project_id: OrAny }, closed);
export type RouteKey = Static<typeof RouteKey>;

/** A route: which store serves whom. The most specific of tenant, env, project wins. The body of `PUT /nexus/routes`. */
export const ResourceRoute = Type.Object(
  {
    kind: Kind,
    tenant_id: OrAny,
    env: OrAny,
    project_id: OrAny,
    uri: orNull(
      Type.String({ minLength: 1, maxLength: 2048, description: 'Where; null says that there is none, here.' }),
    ),
    options: Type.Optional(
      Type.Record(Type.String({ pattern: '^[A-Za-z0-9_.-]{1,128}$' }), Type.String({ maxLength: 4096 }), {
        additionalProperties: false,
        description: 'Storage options; secrets by reference only: `env:NAME`.',
      }),
    ),
  },
  closed,
);
export type ResourceRoute = Static<typeof ResourceRoute>;

export const RouteList = Type.Object({ items: Type.Array(ResourceRoute) });
export type RouteList = Static<typeof RouteList>;

/** The answer of `POST /nexus/blobs`. */
export const BlobAccepted = Type.Object({
  blob_uri: Type.String({ pattern: `^blob://${BLOB_KEY_PATTERN.slice(1)}`, description: 'What ingest takes.' }),
  bytes: Count,
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Of the bytes as they arrived, hexadecimal.' }),
});
export type BlobAccepted = Static<typeof BlobAccepted>;

/** Headers of nexus's answers to queries, by which the gateway knows of them without reading the body. */
export const ANSWER_HEADERS = {
  /** How many hits the page has. */
  hits: 'x-nexus-hits',
  /** Milliseconds that the query took. */
  tookMs: 'x-nexus-took-ms',
  /** The mode that was searched in. */
  mode: 'x-nexus-mode',
} as const;
