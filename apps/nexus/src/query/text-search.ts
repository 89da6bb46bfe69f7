import type { Table } from '@lancedb/lancedb';
import type { PinnedSpace } from '../spaces/pinned-space.js';
import { COLUMN, LIVE, sqlText, termNeedle } from '../spaces/space-schema.js';
import { Bm25, type CorpusStatistics, idf, pooled } from './bm25.js';
import { type Candidate, inOrder } from './candidates.js';
import { eachRow } from './columns.js';
import { RowCache, type RowReader } from './row-cache.js';
import { deviationOf, growthOf, holdsBest, mostProposals, proposalsFor, proposalsOf } from './text-proposals.js';

/** Spaces up to this many chunks are read whole: exact, and as fast as asking the index. */
export const SCAN_ROWS_MAX = 512;
/** Words that are also asked for alone; of more, the rarest. */
export const WORDS_ALONE_MAX = 16;
/** Terms that count, of a longer query the first. */
export const QUERY_TERMS_MAX = 1024;

/** A query's words with the terms that the tokeniser makes of each. */
export interface TextQuery {
  readonly text: string;
  readonly words: readonly { readonly word: string; readonly terms: readonly string[] }[];
  readonly terms: readonly string[];
}

const BETWEEN_WORDS = /[^\p{Alphabetic}\p{N}]+/u;

/** Any source tells the terms: all have one tokeniser. */
export async function readTextQuery(text: string, space: PinnedSpace): Promise<TextQuery> {
  const words = new Map<string, readonly string[]>();
  const terms: string[] = [];
  for (const word of text.split(BETWEEN_WORDS)) {
    if (word === '') continue;
    const known = words.get(word) ?? (await space.statistics.tokenize(word));
    words.set(word, known);
    terms.push(...known);
    if (terms.length >= QUERY_TERMS_MAX) break;
  }
  return {
    text: text.length > 4 * QUERY_TERMS_MAX ? [...words.keys()].join(' ') : text,
    words: [...words].filter(([, known]) => known.length > 0).map(([word, known]) => ({ word, terms: known })),
    terms: terms.slice(0, QUERY_TERMS_MAX),
  };
}

/** What one source has to say of the query's terms. */
export async function statisticsOf(space: PinnedSpace, query: TextQuery): Promise<CorpusStatistics> {
  const { chunks, tokens } = space.statistics;
  return { chunks, tokens, documentFrequency: await space.statistics.documentFrequency([...new Set(query.terms)]) };
}

/** What a chunk's score is made of. */
export interface TextRow {
  readonly id: string;
  readonly terms: string;
  readonly length: number;
}

export function textRowCache(bytesMax: number): RowCache<TextRow> {
  return new RowCache(bytesMax, ({ id, terms }) => 2 * (id.length + terms.length) + 60);
}

/** Proposed chunks of a source with their scores: by the pooled statistics, and by the source's own. */
interface Proposed {
  readonly rowIds: readonly number[];
  readonly rows: readonly TextRow[];
  readonly scores: Float64Array;
  readonly ownScores: Float64Array;
}

export interface TextResult {
  /** Of each source, best first. */
  readonly sources: readonly (readonly Candidate[])[];
  /** How many chunks of each were scored. */
  readonly scored: readonly number[];
  readonly statistics: CorpusStatistics;
}

/**
 * BM25 over all sources as if they were one corpus: statistics are pooled, and each candidate is scored anew from its
 * stored terms. The index scores by what its own source's index knew when it was built, so it only proposes: its best
 * of the whole query and, where those may have left one out, more of them, and then of each word alone, since a word
 * that is common here may be rare in the other source. Rows that are not indexed yet are proposed as well.
 */
export async function searchText(
  spaces: readonly PinnedSpace[],
  query: TextQuery,
  predicate: string | undefined,
  depth: number,
  cache: RowCache<TextRow>,
): Promise<TextResult> {
  const local = await Promise.all(spaces.map((space) => statisticsOf(space, query)));
  const statistics = pooled(local);
  const words = query.words.length <= WORDS_ALONE_MAX ? query.words : rarest(query.words, statistics);
  const asked: Asked = { query, words, predicate, depth, statistics, bm25: new Bm25(query.terms, statistics) };
  const found = await Promise.all(
    spaces.map((space, at) => candidatesOf(space, local[at] as CorpusStatistics, asked, cache)),
  );
  const sources = found.map(({ rowIds, rows, scores }, source) => {
    const candidates: Candidate[] = [];
    rows.forEach(({ id }, at) => {
      const score = scores[at] as number;
      if (score > 0) candidates.push({ source, rowId: rowIds[at] as number, id, score });
    });
    return candidates.sort(inOrder).slice(0, depth);
  });
  return { sources, scored: found.map(({ rows }) => rows.length), statistics };
}

/** What all sources are asked. */
interface Asked {
  readonly query: TextQuery;
  /** Those that may be asked for alone. */
  readonly words: TextQuery['words'];
  readonly predicate: string | undefined;
  readonly depth: number;
  /** Of all sources. */
  readonly statistics: CorpusStatistics;
  readonly bm25: Bm25;
}

function rarest(words: TextQuery['words'], statistics: CorpusStatistics): TextQuery['words'] {
  const tells = ({ terms }: { readonly terms: readonly string[] }) =>
    Math.max(...terms.map((term) => idf(statistics.documentFrequency.get(term) ?? 0, statistics.chunks)));
  return [...words].sort((one, other) => tells(other) - tells(one)).slice(0, WORDS_ALONE_MAX);
}

async function candidatesOf(
  space: PinnedSpace,
  local: CorpusStatistics,
  asked: Asked,
  cache: RowCache<TextRow>,
): Promise<Proposed> {
  const { query, words, predicate, depth, statistics } = asked;
  if (query.words.length === 0) return scored([], [], local, asked);
  const indexed = await indexedRows(space.table);
  if (space.rows <= SCAN_ROWS_MAX || indexed === 'none') {
    const rows = await scan(space, query, predicate);
    return scored([...rows.keys()], [...rows.values()], local, asked);
  }
  const read = async (rowIds: readonly number[]): Promise<Proposed> =>
    scored(rowIds, await cache.rows(space.table, rowIds, textsOf(space)), local, asked);
  const most = mostProposals(depth);
  const growth = growthOf(local, statistics);
  const trusted = indexed === 'all' && !deviating.has(space.table);
  for (let limit = trusted ? proposalsFor(depth, growth) : most; ; limit = most) {
    const whole = await proposalsOf(space, query.text, predicate, limit);
    const proposed = await read(whole.rowIds);
    if (whole.rowIds.length < limit) return proposed;
    const deviation = deviationOf(whole, proposed.ownScores);
    if (!(deviation <= DEVIATION_MAX)) deviating.add(space.table);
    else if (holdsBest(whole, proposed.scores, growth * (1 + 2 * deviation), depth)) return proposed;
    if (limit < most) continue;
    if (query.words.length === 1) return proposed;
    const alone = await Promise.all(words.map(({ word }) => proposalsOf(space, word, predicate, depth)));
    return read([...new Set([whole, ...alone].flatMap(({ rowIds }) => rowIds))]);
  }
}

/** Scores each chunk, and looks for the query's terms in it once. */
function scored(
  rowIds: readonly number[],
  rows: readonly TextRow[],
  local: CorpusStatistics,
  { query, bm25, statistics }: Asked,
): Proposed {
  const scores = new Float64Array(rows.length);
  const alone = local.chunks === statistics.chunks;
  const ownScores = alone ? scores : new Float64Array(rows.length);
  const ofSource = alone ? bm25 : new Bm25(query.terms, local);
  const frequencies = bm25.counts();
  for (const [at, { terms, length }] of rows.entries()) {
    bm25.count(terms, frequencies);
    scores[at] = bm25.scoreOf(frequencies, length);
    if (!alone) ownScores[at] = ofSource.scoreOf(frequencies, length);
  }
  return { rowIds, rows, scores, ownScores };
}

/** More than rounding, and so many rows that the index does not know yet as change scores by so little. */
const DEVIATION_MAX = 0.01;

/** Pinned handles whose index was seen to score otherwise: fewer proposals than the most would not do. */
const deviating = new WeakSet<Table>();

/**
 * Which rows the text index knows. One that it does not know yet has a score of no statistics: it may stand far too low
 * among the proposals, and none of them need tell.
 */
type Indexed = 'none' | 'some' | 'all';

/** Pinned handles never move, so neither does the answer. */
const textIndexes = new WeakMap<Table, Promise<Indexed>>();

function indexedRows(table: Table): Promise<Indexed> {
  const known = textIndexes.get(table);
  if (known !== undefined) return known;
  const indexed = readIndexed(table);
  textIndexes.set(table, indexed);
  indexed.catch(() => textIndexes.delete(table));
  return indexed;
}

async function readIndexed(table: Table): Promise<Indexed> {
  const index = (await table.listIndices()).find(({ columns }) => columns.includes(COLUMN.text));
  if (index === undefined) return 'none';
  return (await table.indexStats(index.name))?.numUnindexedRows === 0 ? 'all' : 'some';
}

/** Every chunk that has a term. LanceDB's own search without an index has another tokeniser than the chunks' terms. */
async function scan(
  space: PinnedSpace,
  query: TextQuery,
  predicate: string | undefined,
): Promise<Map<number, TextRow>> {
  const conditions = [LIVE];
  if (predicate !== undefined) conditions.push(predicate);
  const terms = [...new Set(query.terms)];
  if (space.rows > SCAN_ROWS_MAX && terms.length <= SCAN_TERMS_MAX) {
    const any = terms.map((term) => `contains(${COLUMN.terms}, ${sqlText(` ${termNeedle(term)}`)})`);
    conditions.push(any.length === 1 ? (any[0] as string) : `(${any.join(' OR ')})`);
  }
  return rowsOf(await space.table.query().where(conditions.join(' AND ')).select(ROW_COLUMNS).withRowId().toArrow());
}

/** Of more terms LanceDB looks for none: it is cheaper to read all chunks. */
const SCAN_TERMS_MAX = 32;
const ROW_COLUMNS = [COLUMN.id, COLUMN.terms, COLUMN.tokenCount];

function textsOf({ table, rows }: PinnedSpace): RowReader<TextRow> {
  return {
    read: async (missing) => rowsOf(await table.takeRowIds(missing).select(ROW_COLUMNS).withRowId().toArrow()),
    all: {
      count: rows,
      async *read() {
        for await (const batch of table.query().where(LIVE).select(ROW_COLUMNS).withRowId()) {
          yield rowsOf({ batches: [batch] });
        }
      },
    },
  };
}

function rowsOf(found: Parameters<typeof eachRow>[0]): Map<number, TextRow> {
  const rows = new Map<number, TextRow>();
  eachRow(found, ROW_COLUMNS, (row, rowId, [id, terms, length]) => {
    rows.set(rowId, {
      id: id?.get(row) as string,
      terms: terms?.get(row) as string,
      length: length?.get(row) as number,
    });
  });
  return rows;
}
