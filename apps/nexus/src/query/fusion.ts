import { type Candidate, inOrder, ranksOf } from './candidates.js';

/** The constant that Cormack, Clarke and Büttcher proposed with reciprocal rank fusion (SIGIR 2009). */
export const RRF_K = 60;

/** A ranked list and what its ranks count. */
export interface WeightedList {
  readonly weight: number;
  readonly candidates: readonly Candidate[];
}

/**
 * Reciprocal rank fusion: a candidate's score is the sum of weight / (k + its rank) over the lists that have it; equals
 * of a list have one rank. Lists of weight 0 propose nothing.
 */
export function fuse(lists: readonly WeightedList[], k: number): Candidate[] {
  const fused: Map<string, Candidate & { score: number }>[] = [];
  for (const { weight, candidates } of lists) {
    if (weight === 0) continue;
    const ranks = ranksOf(candidates);
    candidates.forEach((candidate, index) => {
      const share = weight / (k + (ranks[index] as number));
      const { source, rowId, id } = candidate;
      const ofSource = (fused[source] ??= new Map());
      const present = ofSource.get(id);
      if (present === undefined) ofSource.set(id, { source, rowId, id, score: share });
      else present.score += share;
    });
  }
  return fused.flatMap((ofSource) => [...ofSource.values()]).sort(inOrder);
}
