import type { Table } from '@lancedb/lancedb';
import type { PinnedSpace } from '../spaces/pinned-space.js';
import { COLUMN, LIVE, sqlText, termNeedle } from '../spaces/space-schema.js';
import type { Proposals } from './best-proposals.js';
import { Bm25, type CorpusStatistics } from './bm25.js';
import { eachRow } from './columns.js';
import { RowCache, type RowReader } from './row-cache.js';
import { growthOf, mostProposals, proposalsFor, textProposals } from './text-proposals.js';
import type { TextQuery } from './text-query.js';

/** Spaces up to this many chunks are read whole: exact, and as fast as asking the index. */
export const SCAN_ROWS_MAX = 512;

/** What a chunk's score is made of. */
export interface TextRow {
  readonly id: string;
  readonly terms: string;
  readonly length: number;
}

export function textRowCache(bytesMax: number): RowCache<TextRow> {
  return new RowCache(bytesMax, ({ id, terms }) => 2 * (id.length + terms.length) + 60);
}

/** What all sources are asked. */
export interface TextAsked {
  readonly query: TextQuery;
  /** Those that may be asked for alone. */
  readonly words: TextQuery['words'];
  readonly predicate: string | undefined;
  readonly depth: number;
  /** Of all sources. */
  readonly statistics: CorpusStatistics;
  readonly bm25: Bm25;
}

/**
 * The chunks of one source that may be the best for a query, asked for in turns: the index's best of the whole query,
 * more of them, and each word alone. Where the index scores as the source's own statistics do, it knows those; a chunk
 * scores by the pooled statistics at most so much more as the weight of some term grew, or the mean length.
 */
export class TextSource implements Proposals {
  rowIds: readonly number[] = [];
  scores = new Float64Array();
  private rows: readonly TextRow[] = [];
  /** What the index says of the proposals; none of those that it was not asked for at once. */
  private indexScores: Float32Array | undefined;
  /** The index knows every row, and its order the scores' bounds. */
  private trusted = false;
  /** How many proposals of the whole query were asked for; undefined: there is nothing more to ask for. */
  private limit: number | undefined = 0;
  /** By which part the index's scores differ from the source's own statistics', at most; NaN where neither gives one. */
  private deviation = 0;
  private readonly ofSource: Bm25;
  private readonly frequencies: Float64Array;
  private readonly growth: number;

  constructor(
    private readonly space: PinnedSpace,
    local: CorpusStatistics,
    private readonly asked: TextAsked,
    private readonly cache: RowCache<TextRow>,
  ) {
    const { query, bm25, statistics } = asked;
    this.ofSource = local.chunks === statistics.chunks ? bm25 : new Bm25(query.terms, local);
    this.frequencies = bm25.counts();
    this.growth = growthOf(local, statistics);
  }

  /** Asks, and each time for more than before. */
  async ask(): Promise<void> {
    const { space, limit, asked } = this;
    const { query, predicate, depth } = asked;
    const most = mostProposals(depth);
    if (limit === 0) {
      if (query.words.length === 0) return this.hold([], []);
      const indexed = await indexedRows(space.table);
      if (space.rows <= SCAN_ROWS_MAX || indexed === 'none') {
        const rows = await scan(space, query, predicate);
        return this.hold([...rows.keys()], [...rows.values()]);
      }
      this.trusted = indexed === 'all' && !deviating.has(space.table);
      return this.askWhole(this.trusted ? proposalsFor(depth, this.growth) : most);
    }
    if (limit !== undefined && limit < most) return this.askWhole(most);
    await this.askAlone();
  }

  /** Whether a chunk that was not proposed may score as much as this. */
  lacks(last: number): boolean {
    const { rowIds, indexScores, limit, asked, space, trusted } = this;
    if (limit === undefined || indexScores === undefined) return false;
    const deviates = !(this.deviation <= DEVIATION_MAX);
    if (deviates) {
      deviating.add(space.table);
      this.trusted = false;
      // So far its order said which proposals to score.
      if (trusted) return true;
    }
    if (rowIds.length < limit) return false;
    if (!deviates && this.mostOf(Math.min(...indexScores)) < last) return false;
    return limit < mostProposals(asked.depth) || asked.query.words.length > 1;
  }

  idOf(at: number): string {
    return (this.rows[at] as TextRow).id;
  }

  score(from: number, to: number): void {
    const { bm25 } = this.asked;
    const { rows, scores, frequencies, ofSource, indexScores } = this;
    for (let at = from; at < to; at++) {
      const { terms, length } = rows[at] as TextRow;
      bm25.count(terms, frequencies);
      const score = bm25.scoreOf(frequencies, length);
      // Chunks with none of the terms are read where all are.
      scores[at] = score > 0 ? score : Number.NaN;
      if (indexScores === undefined) continue;
      const own = ofSource === bm25 ? score : ofSource.scoreOf(frequencies, length);
      this.deviation = Math.max(this.deviation, Math.abs((indexScores[at] as number) / own - 1));
    }
  }

  expected(at: number): number {
    return this.trusted ? (this.indexScores?.[at] as number) : Infinity;
  }

  most(at: number): number {
    return this.trusted ? this.mostOf(this.indexScores?.[at] as number) : Infinity;
  }

  private mostOf(indexScore: number): number {
    return indexScore * this.growth * (1 + 2 * this.deviation);
  }

  private async askWhole(limit: number): Promise<void> {
    const { space, asked, cache } = this;
    const { rowIds, scores } = await textProposals(space, asked.query.text, asked.predicate, limit);
    this.limit = limit;
    this.hold(rowIds, await cache.rows(space.table, rowIds, textsOf(space)), scores);
  }

  private async askAlone(): Promise<void> {
    const { space, asked, cache } = this;
    const { words, predicate, depth } = asked;
    const alone = await Promise.all(words.map(({ word }) => textProposals(space, word, predicate, depth)));
    const rowIds = [...new Set([this, ...alone].flatMap((proposals) => proposals.rowIds))];
    this.hold(rowIds, await cache.rows(space.table, rowIds, textsOf(space)));
  }

  /** @param indexScores  best first; without them nothing more can be asked for */
  private hold(rowIds: readonly number[], rows: readonly TextRow[], indexScores?: Float32Array): void {
    this.rowIds = rowIds;
    this.rows = rows;
    this.indexScores = indexScores;
    this.scores = new Float64Array(rows.length);
    this.deviation = 0;
    this.trusted &&= indexScores?.every((score, at) => at === 0 || score <= (indexScores[at - 1] as number)) === true;
    if (indexScores === undefined) this.limit = undefined;
  }
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
