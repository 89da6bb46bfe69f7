/** Whose a hit is: `tenant` of the caller's own space, `global` of the one that its surface shares. */
export type SourceScope = 'tenant' | 'global';

/** A chunk that a modality proposes. */
export interface Candidate {
  /** Which of the searched sources it is of: its index. */
  readonly source: number;
  /** Where the row lies at the pinned version. */
  readonly rowId: number;
  readonly id: string;
  readonly score: number;
}

/** The order of every list: best first, then by source, then by id, so that equal scores have one order. */
export function inOrder(one: Candidate, other: Candidate): number {
  if (one.score !== other.score) return other.score - one.score;
  if (one.source !== other.source) return one.source - other.source;
  return one.id < other.id ? -1 : one.id > other.id ? 1 : 0;
}

/** Tells candidates apart, over sources. */
export function keyOf({ source, id }: Pick<Candidate, 'source' | 'id'>): string {
  return `${source} ${id}`;
}

/** The best of all sources' candidates by comparable scores, at most `depth`: what one corpus would have given. */
export function merged(sources: readonly (readonly Candidate[])[], depth: number): Candidate[] {
  return sources.flat().sort(inOrder).slice(0, depth);
}

/**
 * The rank of each candidate of an ordered list, from 1: one more than there are better ones. Equal scores have one
 * rank, so that what is made of ranks depends on no order among equals, nor on which source they lie in.
 */
export function ranksOf(list: readonly Candidate[]): number[] {
  const ranks: number[] = [];
  list.forEach(({ score }, at) =>
    ranks.push(at > 0 && list[at - 1]?.score === score ? (ranks[at - 1] as number) : at + 1),
  );
  return ranks;
}
