import type { PinnedSpace } from '../spaces/pinned-space.js';
import { type Best, bestOf, candidatesAmong, foundOf } from './best-proposals.js';
import { Bm25, type CorpusStatistics, idf, pooled } from './bm25.js';
import type { Candidate } from './candidates.js';
import type { RowCache } from './row-cache.js';
import type { TextQuery } from './text-query.js';
import { type TextAsked, type TextRow, TextSource } from './text-source.js';

/** Words that are also asked for alone; of more, the rarest. */
export const WORDS_ALONE_MAX = 16;

/** What one source has to say of the query's terms. */
export async function statisticsOf(space: PinnedSpace, query: TextQuery): Promise<CorpusStatistics> {
  const { chunks, tokens } = space.statistics;
  return { chunks, tokens, documentFrequency: await space.statistics.documentFrequency([...new Set(query.terms)]) };
}

export interface TextResult {
  /** Of each source, best first. */
  readonly sources: readonly (readonly Candidate[])[];
  /** How many candidates each gave. */
  readonly found: readonly number[];
  /** How many chunks of each were scored. */
  readonly scored: readonly number[];
  readonly statistics: CorpusStatistics;
}

/**
 * BM25 over all sources as if they were one corpus: statistics are pooled, and candidates are scored anew from their
 * stored terms. The index scores by what its own source's index knew when it was built, so it only proposes: its best
 * of the whole query and, where those may have left one out, more of them, and then of each word alone, since a word
 * that is common here may be rare in the other source. Rows that are not indexed yet are proposed as well.
 *
 * @param depth  how many candidates a source gives
 * @param together  of the candidates only the best of all sources are wanted, as many as one source gives
 */
export async function searchText(
  spaces: readonly PinnedSpace[],
  query: TextQuery,
  predicate: string | undefined,
  depth: number,
  together: boolean,
  cache: RowCache<TextRow>,
): Promise<TextResult> {
  const local = await Promise.all(spaces.map((space) => statisticsOf(space, query)));
  const statistics = pooled(local);
  const words = query.words.length <= WORDS_ALONE_MAX ? query.words : rarest(query.words, statistics);
  const asked: TextAsked = { query, words, predicate, depth, statistics, bm25: new Bm25(query.terms, statistics) };
  const sources = spaces.map((space, at) => new TextSource(space, local[at] as CorpusStatistics, asked, cache));
  let best: Best = { scored: [], last: [] };
  for (let asking = sources; asking.length > 0;) {
    await Promise.all(asking.map((source) => source.ask()));
    best = bestOf(sources, depth, together);
    asking = sources.filter((source, at) => source.lacks(best.last[at] as number));
  }
  return {
    sources: sources.map((source, at) => candidatesAmong(source, at, best).slice(0, depth)),
    found: sources.map((source, at) => foundOf(source, best.scored[at] as number, depth)),
    scored: best.scored,
    statistics,
  };
}

function rarest(words: TextQuery['words'], statistics: CorpusStatistics): TextQuery['words'] {
  const tells = ({ terms }: { readonly terms: readonly string[] }) =>
    Math.max(...terms.map((term) => idf(statistics.documentFrequency.get(term) ?? 0, statistics.chunks)));
  return [...words].sort((one, other) => tells(other) - tells(one)).slice(0, WORDS_ALONE_MAX);
}
