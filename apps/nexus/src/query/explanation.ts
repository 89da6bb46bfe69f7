import type { ExplainedHit, SearchedReport } from '@runspine/contracts';
import { type Candidate, keyOf, ranksOf } from './candidates.js';
import type { RankedList } from './query-engine.js';

type Explanation = ExplainedHit['explanation'];
type Place = NonNullable<Explanation['vector']>;

/** Tells of a candidate where each modality, their fusion and the reranker put it. */
export function explanations(ranked: RankedList): (candidate: Candidate) => Explanation {
  const { retrieved, list, reranker, scoreKind } = ranked;
  const vector = retrieved.vector && places(retrieved.vector.list, retrieved.vector.sources);
  const text = retrieved.text && places(retrieved.text.list, retrieved.text.sources);
  const bySource = ranked.opened.sources.map((_, source) => retrieved.list.filter((one) => one.source === source));
  const fused = retrieved.scoreKind === 'rrf' ? places(retrieved.list, bySource) : undefined;
  const reranked = scoreKind === 'rerank' ? places(list) : undefined;
  return (candidate) => {
    const key = keyOf(candidate);
    return {
      ...(vector && { vector: vector.get(key) ?? null }),
      ...(text && { text: text.get(key) ?? null }),
      ...(fused && { fused: fused.get(key) ?? null }),
      ...(reranked && { rerank: { ...(reranked.get(key) as Place), model: reranker } }),
    };
  };
}

/** Rank in the list over all sources, rank in its own source's list, and the score there. */
function places(list: readonly Candidate[], sources?: readonly (readonly Candidate[])[]): Map<string, Place> {
  const found = new Map<string, Place>();
  const ranks = ranksOf(list);
  list.forEach((candidate, at) => {
    const rank = ranks[at] as number;
    found.set(keyOf(candidate), { rank, source_rank: rank, score: candidate.score });
  });
  for (const candidates of sources ?? []) {
    const within = ranksOf(candidates);
    candidates.forEach((candidate, at) => {
      const place = found.get(keyOf(candidate));
      // The source's own score: that of a list of fused ranks says less.
      if (place) Object.assign(place, { source_rank: within[at], score: candidate.score });
    });
  }
  return found;
}

/** What was searched, and how it was put together. */
export function searchedReport(ranked: RankedList, tookMs: number): SearchedReport {
  const { plan, at, opened, vectors, retrieved, reranker } = ranked;
  const rows = Object.fromEntries(opened.sources.map(({ scope, space }) => [scope, space.rows]));
  const embedding = opened.sources[0]?.space.embedding;
  const leftOut = opened.sources.filter((_, index) => vectors !== undefined && vectors.bySource[index] === undefined);
  return {
    versions: versionsOf(ranked),
    mode: at.mode,
    embedding: embedding ? { ...embedding } : null,
    rows,
    fusion: {
      depth: at.depth,
      ...(retrieved.vector && { vector: vectors?.comparable === false ? 'rank: embedding models differ' : 'distance' }),
      ...(retrieved.text && { text: 'bm25 with pooled statistics' }),
      ...(at.mode === 'hybrid' && { modalities: { method: 'rrf', k: plan.rrfK, weights: plan.weights } }),
      ...(leftOut.length > 0 && { vector_left_out: leftOut.map(({ scope }) => scope) }),
      ...(reranker !== undefined && { reranker }),
    },
    took_ms: tookMs,
  };
}

function versionsOf({ opened, at }: RankedList): SearchedReport['versions'] {
  const { own, global } = at.versions;
  const isGlobal = opened.sources[0]?.space.key.scope === 'global' && global === undefined;
  return isGlobal ? { global: own } : { tenant: own, ...(global !== undefined && { global }) };
}
