import { type Candidate, inOrder } from './candidates.js';

/**
 * What was proposed of one source, best first. What an index says of a score is near the true one, which costs a look at
 * the row: that is worked out only for those that may belong to the best.
 */
export interface Proposals {
  readonly rowIds: readonly number[];
  /** The chunk's id of a place. */
  idOf(at: number): string;
  /** Works out the true scores of the proposals from one place to another. */
  score(from: number, to: number): void;
  /** The true scores, as far as they are worked out; NaN: this row is no candidate. */
  readonly scores: ArrayLike<number>;
  /** What the proposal of a place should score, by what was seen of those before it; Infinity: nobody knows. */
  expected(at: number): number;
  /** The most that it may score; never rises from one place to the next. */
  most(at: number): number;
}

/** Which proposals of each source are scored, and what for. */
export interface Best {
  /** Those before this place. */
  readonly scored: readonly number[];
  /** Whatever scores less is not among the best; -Infinity while there are fewer of them than wanted. */
  readonly last: readonly number[];
}

/** Of each source so many are scored before anything is expected of the others. */
const SEEN_MIN = 32;

/**
 * Scores as many proposals as are needed to know the best: first those that are expected among them, then whatever else
 * may score as much as the last of these.
 *
 * @param together  the best of all sources are wanted, `count` of them; else as many of each
 */
export function bestOf(sources: readonly Proposals[], count: number, together: boolean): Best {
  if (together) {
    const { scored, last } = bestOfAll(sources, count);
    return { scored, last: sources.map(() => last) };
  }
  const each = sources.map((proposals) => bestOfAll([proposals], count));
  return { scored: each.map(({ scored }) => scored[0] as number), last: each.map(({ last }) => last) };
}

/** The best of a source in their order, and with them those behind the last that score the same. */
export function candidatesAmong(proposals: Proposals, source: number, { scored, last }: Best): Candidate[] {
  const { rowIds, scores } = proposals;
  const candidates: Candidate[] = [];
  for (let at = 0; at < (scored[source] as number); at++) {
    const score = scores[at] as number;
    if (!(score >= (last[source] as number))) continue;
    candidates.push({ source, rowId: rowIds[at] as number, id: proposals.idOf(at), score });
  }
  return candidates.sort(inOrder);
}

function bestOfAll(sources: readonly Proposals[], count: number): { scored: readonly number[]; last: number } {
  const scored = sources.map(() => 0);
  /** Scores a source's proposals before this place; whether there were any to score. */
  const scoreTo = (source: number, to: number): boolean => {
    const from = scored[source] as number;
    if (to <= from) return false;
    sources[source]?.score(from, to);
    scored[source] = to;
    return true;
  };
  sources.forEach(({ rowIds }, source) => scoreTo(source, Math.min(SEEN_MIN, rowIds.length)));
  expectedBest(sources, count).forEach((to, source) => scoreTo(source, to));
  for (;;) {
    const last = lastOf(sources, scored, count);
    const further = sources.map((proposals, source) => {
      let to = scored[source] as number;
      // What is not a number may be anything.
      while (to < proposals.rowIds.length && !(proposals.most(to) < last)) to += 1;
      return scoreTo(source, to);
    });
    if (!further.includes(true)) return { scored, last };
  }
}

/** How many of each source are expected among the best. */
function expectedBest(sources: readonly Proposals[], count: number): number[] {
  const next = sources.map(() => 0);
  for (let taken = 0; taken < count; taken++) {
    let best = -1;
    let most = -Infinity;
    sources.forEach((proposals, source) => {
      const at = next[source] as number;
      if (at >= proposals.rowIds.length || proposals.expected(at) <= most) return;
      best = source;
      most = proposals.expected(at);
    });
    if (best < 0) break;
    next[best] = (next[best] as number) + 1;
  }
  return next;
}

function lastOf(sources: readonly Proposals[], scored: readonly number[], count: number): number {
  const all = new Float64Array(scored.reduce((sum, each) => sum + each, 0));
  let filled = 0;
  sources.forEach(({ scores }, source) => {
    for (let at = 0; at < (scored[source] as number); at++) {
      const score = scores[at] as number;
      if (!Number.isNaN(score)) all[filled++] = score;
    }
  });
  return filled < count ? -Infinity : (all.subarray(0, filled).sort()[filled - count] as number);
}

/** How many of a source's proposals are candidates, at most as many as are wanted. */
export function foundOf({ rowIds, scores }: Proposals, scored: number, count: number): number {
  let none = 0;
  for (let at = 0; at < scored; at++) if (Number.isNaN(scores[at])) none += 1;
  return Math.min(count, rowIds.length - none);
}
