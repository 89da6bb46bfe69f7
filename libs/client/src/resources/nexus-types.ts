import type { Json } from './run-types.js';

/** `tenant`: the tenant's own space. `global`: the one of its surface that everybody may read. */
export type Scope = 'tenant' | 'global';

/** A document to ingest: one of `text`, `chunks` and `blob_uri`. */
export interface NexusDocument {
  /** 1-512 printable characters; a document of the same id is replaced whole. Made where absent. */
  document_id?: string;
  text?: string;
  chunks?: { text: string; vector?: number[]; metadata?: Record<string, Json> }[];
  /** What `uploadBlob` gave. */
  blob_uri?: string;
  vector?: number[];
  type?: string;
  metadata?: Record<string, Json>;
  source_uri?: string;
  /** RFC 3339. */
  occurred_at?: string;
}

export interface IngestRequest {
  scope?: Scope;
  documents: NexusDocument[];
  chunking?: {
    strategy?: 'auto' | 'markdown' | 'sentences' | 'none';
    chunk_chars?: number;
    overlap_chars?: number;
  };
}

/** The work on one ingest or removal. */
export interface NexusTask {
  task_id: string;
  space_id: string;
  scope: Scope;
  project: string;
  surface: string;
  status: 'queued' | 'running' | 'completed' | 'failed';
  documents: number;
  documents_done: number;
  chunks: number;
  /** The version of the space that has all of it; null until it is known. */
  version: number | null;
  errors: { document_id?: string; code: string; message: string }[];
  created_at: string;
  updated_at: string;
  ended_at: string | null;
}

interface Cap {
  min?: number;
  max?: number;
}

export interface NexusQuery {
  query?: string;
  vector?: number[];
  mode?: 'auto' | 'hybrid' | 'vector' | 'text';
  /** Hits of a page, 1-100. @default 10 */
  top_k?: number;
  /** $eq $ne $in $nin $gt $gte $lt $lte $exists $and $or $not over type, document_id, source_uri, occurred_at, metadata.key */
  filter?: Record<string, Json>;
  include_global?: boolean;
  caps?: { tenant?: Cap; global?: Cap };
  fusion?: { k?: number; weights?: { vector?: number; text?: number } };
  rerank?: boolean | { model?: string; top_n?: number };
  cursor?: string;
  /** Candidates of each source and modality, and how far paging reaches, at most 1,000. @default 200 */
  depth?: number;
  include?: ('text' | 'metadata' | 'vector' | 'scores')[];
  /** With both, the run's step keeps what was retrieved. */
  run_id?: string;
  step_id?: string;
  /** Wait for this task first, 10 s at most. */
  after_task?: string;
  /** An earlier answer's `snapshot`: the same hits again. */
  as_of?: string;
}

export interface NexusHit {
  id: string;
  document_id: string;
  /** What `score_kind` says. */
  score: number;
  source_scope: 'tenant' | 'global';
  text?: string;
  type: string | null;
  metadata?: Record<string, Json> | null;
  source_uri: string | null;
  occurred_at?: string | null;
  vector?: number[];
  scores?: { vector?: number; text?: number; fused?: number; rerank?: number; [name: string]: unknown };
}

export interface NexusAnswer {
  hits: NexusHit[];
  score_kind: 'rerank' | 'rrf' | 'bm25' | 'cosine';
  next_cursor: string | null;
  truncated?: boolean;
  snapshot: string;
  searched: Record<string, Json>;
}

/** A blob that is uploaded. */
export interface NexusBlob {
  /** What ingest takes. */
  blob_uri: string;
  bytes: number;
  /** Of the bytes as they arrived, hexadecimal. */
  sha256: string;
}

export interface NexusSpace {
  space_id: string;
  scope: Scope;
  rows: number;
  documents: number;
  bytes: number;
  version: number;
  embedding: { model: string; dimension: number };
}

/** What belonged together in Nexus: events of one trace, else of one correlation, in a tenant, env and project. */
export interface ResearchRun {
  /** The trace id of its events; else their correlation id; else the run that asked, or the task. */
  id: string;
  tenant: string;
  env: string;
  project: string;
  /** Of what its events are, the last in the order search, asset, ingest, pack. */
  kind: 'search' | 'asset' | 'ingest' | 'pack';
  /** `running` while a task of it is open; then `failed` where one failed, else `completed`. */
  status: 'running' | 'completed' | 'failed';
  started_at: string;
  last_event_at: string;
  /** Documents, chunks, questions, packs and raw assets. */
  counts: { cards: number; atoms: number; searches: number; packs: number; assets: number };
}

/** Filters of a list of research runs; the last begun first. */
export interface ResearchFilter {
  /** Runs with an event in so many days back, 1-90. @default 7 */
  window_days?: number;
  kind?: ResearchRun['kind'];
  status?: ResearchRun['status'];
  project?: string;
  /** Items of a page, 1-200. @default 50 */
  limit?: number;
}
