import type { PinnedSpace } from '../spaces/pinned-space.js';
import { COLUMN } from '../spaces/space-schema.js';
import { type CorpusStatistics, idf } from './bm25.js';
import { eachRow, rowIdsOf } from './columns.js';

/** What the text index of a source proposes for a query. */
export interface TextProposals {
  readonly rowIds: readonly number[];
  /** By the index, best first. */
  readonly scores: Float32Array;
}

const SCORE = '_score';

export async function textProposals(
  space: PinnedSpace,
  text: string,
  predicate: string | undefined,
  limit: number,
): Promise<TextProposals> {
  const search = space.table
    .query()
    .fullTextSearch(text, { columns: [COLUMN.text] })
    .select([SCORE])
    .withRowId();
  const found = await (predicate === undefined ? search : search.where(predicate)).limit(limit).toArrow();
  const scores: number[] = [];
  eachRow(found, [SCORE], (row, _rowId, [score]) => scores.push(score?.get(row) as number));
  return { rowIds: rowIdsOf(found), scores: Float32Array.from(scores) };
}

/**
 * Proposals of the whole query for each place of the depth: the order by one source's own statistics, and of rows not
 * indexed yet by none of them, differs from the true one most at its end, and fusion sees all of it. The least will do
 * where the statistics of all sources make no chunk count more than the source's own; `more` is for each time as much.
 */
const QUERY_PROPOSALS = { least: 1.1, more: 6, most: 2 };

/** Of more, the order of one source says too little: its words are asked for alone. */
export function mostProposals(depth: number): number {
  return QUERY_PROPOSALS.most * depth;
}

/** Proposals to begin with: scores lie close together at the end, so that a little growth reaches far. */
export function proposalsFor(depth: number, growth: number): number {
  const { least, more, most } = QUERY_PROPOSALS;
  return Math.ceil(Math.min(most, least + more * Math.max(0, growth - 1)) * depth);
}

/** At most how much more a chunk scores by the pooled statistics than by the source's own: below 1, so much less. */
export function growthOf(local: CorpusStatistics, statistics: CorpusStatistics): number {
  const longer = statistics.tokens / statistics.chunks / (local.tokens / local.chunks);
  let weight = 0;
  for (const [term, count] of local.documentFrequency) {
    if (count === 0) continue;
    const everywhere = idf(statistics.documentFrequency.get(term) ?? 0, statistics.chunks);
    weight = Math.max(weight, everywhere / idf(count, local.chunks));
  }
  return Math.max(1, longer) * weight;
}
