import Type, { type Static } from 'typebox';
import { CLOSED, Count, DateTime, Label, orNull } from './fields.js';
import { NameId, RunId, StepId, TaskId } from './ids.js';
import { DocumentId, Vector } from './nexus-fields.js';

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

const SourceScope = Type.Enum(['tenant', 'global'], { description: "Whose: the tenant's own, or the global space's." });

const cap = (whose: string) =>
  Type.Object(
    {
      min: Type.Optional(Type.Integer({ minimum: 0, maximum: TOP_K_MAX })),
      max: Type.Optional(Type.Integer({ minimum: 0, maximum: TOP_K_MAX })),
    },
    { ...CLOSED, description: `Hits ${whose} within each page.` },
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
        { ...CLOSED, description: 'What the ranks of a modality count; 1 each by default.' },
      ),
    ),
  },
  CLOSED,
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
      CLOSED,
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
        CLOSED,
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
export const NexusQuery = Type.Object(query, CLOSED);
export type NexusQuery = Static<typeof NexusQuery>;

/** The body of `POST /nexus/query/explain`: a query with its space. */
export const NexusExplainQuery = Type.Object({ space_id: NameId, ...query }, CLOSED);
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
  occurred_at: Type.Optional(orNull(DateTime)),
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

/** Headers of nexus's answers to queries, by which the gateway knows of them without reading the body. */
export const ANSWER_HEADERS = {
  /** How many hits the page has. */
  hits: 'x-nexus-hits',
  /** Milliseconds that the query took. */
  tookMs: 'x-nexus-took-ms',
  /** The mode that was searched in. */
  mode: 'x-nexus-mode',
} as const;
