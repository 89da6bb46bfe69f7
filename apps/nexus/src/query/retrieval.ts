import type { CorpusStatistics } from './bm25.js';
import { type Candidate, merged } from './candidates.js';
import { fuse } from './fusion.js';
import type { PageRow } from './page.js';
import type { Mode, QueryPlan } from './query-plan.js';
import type { QueryVectors } from './query-vectors.js';
import type { Source } from './sources.js';
import type { RowCache } from './row-cache.js';
import { readTextQuery } from './text-query.js';
import { searchText } from './text-search.js';
import type { TextRow } from './text-source.js';
import { searchVectors, type VectorRow } from './vector-search.js';

/** One modality over all sources. */
export interface ModalityResult {
  /** Each source's own list, as far as the one list needs it. */
  readonly sources: readonly (readonly Candidate[])[];
  /** How many candidates each source gave. */
  readonly found: readonly number[];
  /** The one list: comparable scores sorted, or ranks fused. */
  readonly list: readonly Candidate[];
}

/** What was read before of rows that cannot have changed. */
export interface RowCaches {
  readonly text: RowCache<TextRow>;
  readonly vector: RowCache<VectorRow>;
  readonly page: RowCache<PageRow>;
}

export interface Retrieved {
  readonly vector: ModalityResult | undefined;
  readonly text:
    (ModalityResult & { readonly statistics: CorpusStatistics; readonly scored: readonly number[] }) | undefined;
  /** What the query found: one modality's list, or both fused. */
  readonly list: readonly Candidate[];
  readonly scoreKind: 'rrf' | 'bm25' | 'cosine';
  /** Some list reached the depth: there may be more behind it. */
  readonly full: boolean;
}

/**
 * A modality at a time over all sources, each cut at the depth, so that it is the list that one corpus would have
 * given; then the modalities are fused by their ranks. Where a cap has a minimum nothing is cut, since what it asks
 * for may stand behind.
 */
export async function retrieve(
  plan: QueryPlan,
  mode: Mode,
  depth: number,
  sources: readonly Source[],
  vectors: QueryVectors | undefined,
  caches: RowCaches,
): Promise<Retrieved> {
  const reach = (plan.caps?.tenant?.min ?? 0) + (plan.caps?.global?.min ?? 0) > 0 ? Infinity : depth;
  const [vector, text] = await Promise.all([
    vectors && retrieveVector(plan, depth, reach, sources, vectors, caches),
    mode === 'vector' || sources.length === 0 ? undefined : retrieveText(plan, depth, reach, sources, caches),
  ]);
  const full = [vector, text].some((modality) => {
    const found = modality?.found ?? [];
    return found.some((count) => count >= depth) || found.reduce((sum, count) => sum + count, 0) > reach;
  });
  const answer = { vector, text, full };
  if (mode === 'text') return { ...answer, list: text?.list ?? [], scoreKind: 'bm25' };
  if (mode === 'vector') {
    return { ...answer, list: vector?.list ?? [], scoreKind: vectors?.comparable === false ? 'rrf' : 'cosine' };
  }
  const list = fuse(
    [
      { weight: plan.weights.vector, candidates: vector?.list ?? [] },
      { weight: plan.weights.text, candidates: text?.list ?? [] },
    ],
    plan.rrfK,
  );
  return { ...answer, list: list.slice(0, reach), scoreKind: 'rrf', full: full || list.length > reach };
}

async function retrieveVector(
  plan: QueryPlan,
  depth: number,
  reach: number,
  sources: readonly Source[],
  { bySource, comparable }: QueryVectors,
  caches: RowCaches,
): Promise<ModalityResult> {
  const asked = sources.map(({ space }, index) => ({ space, vector: bySource[index] }));
  const together = comparable && reach === depth;
  const found = await searchVectors(asked, plan.predicate, depth, together, caches.vector);
  if (comparable) return { ...found, list: merged(found.sources, reach) };
  // Distances of different models say nothing about each other; ranks are all that is left.
  const lists = found.sources.map((candidates) => ({ weight: 1, candidates }));
  return { ...found, list: fuse(lists, plan.rrfK).slice(0, reach) };
}

async function retrieveText(
  plan: QueryPlan,
  depth: number,
  reach: number,
  sources: readonly Source[],
  caches: RowCaches,
) {
  const spaces = sources.map(({ space }) => space);
  const query = await readTextQuery(plan.text as string, spaces[0] as Source['space']);
  const found = await searchText(spaces, query, plan.predicate, depth, reach === depth, caches.text);
  return { ...found, list: merged(found.sources, reach) };
}
