import {
  DEPTH_DEFAULT,
  type Fault,
  faultsOf,
  INCLUDES,
  NexusQuery,
  RERANK_MAX,
  ServiceError,
  stringFault,
  TOP_K_DEFAULT,
} from '@runspine/contracts';
import { Compile } from 'typebox/compile';
import type { Caps } from './caps.js';
import { compileFilter } from './filter.js';
import { RRF_K } from './fusion.js';

export type Mode = 'hybrid' | 'vector' | 'text';
export type Include = (typeof INCLUDES)[number];

/** A query that was understood: nothing left to check or to default, but `auto`, which the space's model decides. */
export interface QueryPlan {
  readonly text: string | undefined;
  readonly vector: Float32Array | undefined;
  readonly mode: Mode | 'auto';
  readonly topK: number;
  readonly depth: number;
  readonly filter: unknown;
  /** The filter as a predicate; undefined where it leaves everything in. */
  readonly predicate: string | undefined;
  readonly includeGlobal: boolean;
  readonly caps: Caps | undefined;
  readonly rrfK: number;
  readonly weights: { readonly vector: number; readonly text: number };
  readonly rerank: { readonly model: string | undefined; readonly topN: number } | undefined;
  readonly include: ReadonlySet<Include>;
  readonly cursor: string | undefined;
  readonly asOf: string | undefined;
}

const compiled = Compile(NexusQuery);

/**
 * Reads a query's body. A text is asked for, or a vector, or both: `text` mode needs a query, `vector` mode takes the
 * vector before the query's embedding, `hybrid` needs a query and takes the vector in place of its embedding.
 * @throws ServiceError `nexus.query_invalid` with all faults; `nexus.filter_invalid`.
 */
export function readQuery(body: unknown): QueryPlan {
  if (!compiled.Check(body)) throw invalidQuery(faultsOf(compiled, body));
  const query: NexusQuery = body;
  const faults = [...textFaults(query), ...vectorFaults(query), ...modeFaults(query), ...capFaults(query)];
  if (query.fusion?.weights?.vector === 0 && query.fusion.weights.text === 0) {
    faults.push({ path: '/fusion/weights', message: 'must not both be 0' });
  }
  if (query.cursor !== undefined && query.as_of !== undefined) {
    faults.push({ path: '/as_of', message: 'must not come with a cursor, which has its own' });
  }
  if (faults.length > 0) throw invalidQuery(faults);
  return planOf(query);
}

function planOf(query: NexusQuery): QueryPlan {
  const rerank = query.rerank === true ? {} : query.rerank === false ? undefined : query.rerank;
  return {
    text: query.query,
    vector: query.vector && Float32Array.from(query.vector),
    mode: query.mode ?? 'auto',
    topK: query.top_k ?? TOP_K_DEFAULT,
    // A page is never larger than what there is to page through.
    depth: Math.max(query.depth ?? DEPTH_DEFAULT, query.top_k ?? TOP_K_DEFAULT),
    filter: query.filter ?? {},
    predicate: query.filter && compileFilter(query.filter),
    includeGlobal: query.include_global ?? false,
    caps: query.caps,
    rrfK: query.fusion?.k ?? RRF_K,
    weights: { vector: query.fusion?.weights?.vector ?? 1, text: query.fusion?.weights?.text ?? 1 },
    rerank: rerank && { model: rerank.model, topN: rerank.top_n ?? RERANK_MAX },
    include: new Set(query.include ?? ['text', 'metadata']),
    cursor: query.cursor,
    asOf: query.as_of,
  };
}

function textFaults({ query, rerank }: NexusQuery): Fault[] {
  if (query === undefined) {
    return rerank ? [{ path: '/query', message: 'is what a reranker compares with: it must be given' }] : [];
  }
  if (query.trim() === '') return [{ path: '/query', message: 'must not be empty' }];
  const message = stringFault(query);
  return message === undefined ? [] : [{ path: '/query', message }];
}

function vectorFaults({ vector }: NexusQuery): Fault[] {
  if (vector === undefined) return [];
  const wrong = vector.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) return [{ path: `/vector/${wrong}`, message: 'must be a finite number' }];
  // The square of the length is what a cosine is divided by: none of 32 bits may vanish or overflow.
  const norm = Math.fround(Float32Array.from(vector).reduce((total, value) => total + value * value, 0));
  return norm > 0 && Number.isFinite(norm) ? [] : [{ path: '/vector', message: 'must have a length, not 0' }];
}

function modeFaults({ query, vector, mode }: NexusQuery): Fault[] {
  if (query === undefined && vector === undefined) return [{ path: '/query', message: 'or a vector must be given' }];
  if (query === undefined && (mode === 'text' || mode === 'hybrid')) {
    return [{ path: '/query', message: `must be given in mode ${mode}` }];
  }
  return vector !== undefined && mode === 'text'
    ? [{ path: '/vector', message: 'must not be given in mode text, which would ignore it' }]
    : [];
}

function capFaults({ caps, top_k: topK = TOP_K_DEFAULT }: NexusQuery): Fault[] {
  const faults: Fault[] = [];
  for (const scope of ['tenant', 'global'] as const) {
    const { min = 0, max = topK } = caps?.[scope] ?? {};
    if (min > max) faults.push({ path: `/caps/${scope}/min`, message: 'must not be over max, nor over top_k' });
  }
  if ((caps?.tenant?.min ?? 0) + (caps?.global?.min ?? 0) > topK) {
    faults.push({ path: '/caps', message: 'must not ask for more than top_k hits' });
  }
  return faults;
}

/** A `nexus.query_invalid` that names each fault; its message is the first. */
export function invalidQuery(faults: Fault[]): ServiceError {
  const first = faults[0];
  return new ServiceError('nexus.query_invalid', first && `${first.path || 'body'} ${first.message}`, { faults });
}
