import type { PinnedSpace } from '../spaces/pinned-space.js';
import { COLUMN, DISTANCE, LIVE } from '../spaces/space-schema.js';
import { bestOf, candidatesAmong, foundOf, type Proposals } from './best-proposals.js';
import type { Candidate } from './candidates.js';
import { eachRow, rowIdsOf } from './columns.js';
import { RowCache, type RowReader } from './row-cache.js';

/** Parts of the index that are looked into, of those it has. */
const PROBES = 32;
/**
 * Nodes of the graph that are held at once: recall of the best 10 is over 0.95 from 600 on, random vectors included. Of
 * one of several sources fewer do, for the same recall: only a part of the best of all is its own.
 */
const EF_MIN = { alone: 800, amongSeveral: 750 };

/** A chunk's vector, and its length. */
export interface VectorRow {
  readonly id: string;
  readonly vector: Float32Array;
  readonly norm: number;
}

export function vectorRowCache(bytesMax: number): RowCache<VectorRow> {
  return new RowCache(bytesMax, ({ id, vector }) => vector.byteLength + 2 * id.length + 150);
}

/** A space with the vector that it is asked by; without one it cannot be searched by vector. */
export interface VectorSource {
  readonly space: PinnedSpace;
  readonly vector: Float32Array | undefined;
}

/** What was found of each source. */
export interface VectorResult {
  /** Best first. */
  readonly sources: readonly (readonly Candidate[])[];
  /** How many candidates each gave. */
  readonly found: readonly number[];
}

/**
 * The nearest chunks of each source, by cosine. The index proposes from quantised vectors, whose distances cannot be
 * compared between sources; proposals are measured again from their stored vectors, in double precision.
 *
 * @param depth  how many candidates a source gives
 * @param together  of the candidates only the best of all sources are wanted, as many as one source gives
 */
export async function searchVectors(
  sources: readonly VectorSource[],
  predicate: string | undefined,
  depth: number,
  together: boolean,
  cache: RowCache<VectorRow>,
): Promise<VectorResult> {
  const ef = Math.max(EF_MIN[together && sources.length > 1 ? 'amongSeveral' : 'alone'], 2 * depth);
  const proposed = await Promise.all(
    sources.map(async ({ space, vector }) => {
      if (vector === undefined) return new ProposedVectors(new Float32Array(), [], []);
      if (space.rows > depth) return proposedOf(space, vector, predicate, depth, ef, cache);
      const rows = await scan(space, predicate);
      return new ProposedVectors(vector, [...rows.keys()], [...rows.values()]);
    }),
  );
  const best = bestOf(proposed, depth, together);
  return {
    sources: proposed.map((proposals, at) => candidatesAmong(proposals, at, best).slice(0, depth)),
    found: proposed.map((proposals, at) => foundOf(proposals, best.scored[at] as number, depth)),
  };
}

/** Every chunk: where all of them are candidates a search would find the same, and its proposals be read after it. */
async function scan({ table }: PinnedSpace, predicate: string | undefined): Promise<Map<number, VectorRow>> {
  const where = predicate === undefined ? LIVE : `${LIVE} AND ${predicate}`;
  return rowsOf(await table.query().where(where).select(ROW_COLUMNS).withRowId().toArrow(), (values) => values);
}

async function proposedOf(
  space: PinnedSpace,
  vector: Float32Array,
  predicate: string | undefined,
  depth: number,
  ef: number,
  cache: RowCache<VectorRow>,
): Promise<ProposedVectors> {
  const search = space.table
    .query()
    .nearestTo(vector)
    .column(COLUMN.vector)
    .distanceType(DISTANCE)
    .nprobes(PROBES)
    .ef(ef);
  const filtered = predicate === undefined ? search : search.where(predicate);
  const found = await filtered.limit(depth).select([DISTANCE_COLUMN]).withRowId().toArrow();
  const distances: number[] = [];
  eachRow(found, [DISTANCE_COLUMN], (row, _rowId, [distance]) => distances.push(distance?.get(row) as number));
  const rowIds = rowIdsOf(found);
  return new ProposedVectors(vector, rowIds, await cache.rows(space.table, rowIds, vectorsOf(space)), distances);
}

const DISTANCE_COLUMN = '_distance';

/**
 * Chunks that may be near a vector. Of an index's distances no more is taken for granted than that they grow as the true
 * ones do: LanceDB's of quantised vectors are twice as large as those of plain ones.
 */
class ProposedVectors implements Proposals {
  readonly scores: Float64Array;
  private readonly norm: number;
  /** True distance by index distance. */
  private scale = Number.NaN;
  /** The most that a measured score was off. */
  private error = 0;

  /** @param distances  of the index, in their order; without them every row is measured. */
  constructor(
    private readonly vector: Float32Array,
    readonly rowIds: readonly number[],
    private readonly rows: readonly VectorRow[],
    private readonly distances?: readonly number[],
  ) {
    this.scores = new Float64Array(rows.length);
    this.norm = Math.sqrt(dot(vector, vector));
  }

  idOf(at: number): string {
    return (this.rows[at] as VectorRow).id;
  }

  score(from: number, to: number): void {
    const { vector, rows, norm, scores } = this;
    for (let at = from; at < to; at++) {
      const row = rows[at] as VectorRow;
      // A stored vector of length 0 has no direction, and is near nothing.
      scores[at] = row.norm === 0 ? Number.NaN : dot(vector, row.vector) / (norm * row.norm);
    }
    if (this.distances === undefined) return;
    if (from === 0) this.scale = this.scaleOf(this.distances, to);
    for (let at = from; at < to; at++) {
      const error = Math.abs((scores[at] as number) - this.expected(at));
      if (error > this.error) this.error = error;
    }
  }

  expected(at: number): number {
    return this.distances === undefined ? Infinity : 1 - this.scale * (this.distances[at] as number);
  }

  most(at: number): number {
    return this.expected(at) + ERROR_MARGIN * this.error;
  }

  /** By least squares over those measured. */
  private scaleOf(distances: readonly number[], measured: number): number {
    let both = 0;
    let squares = 0;
    for (let at = 0; at < measured; at++) {
      const score = this.scores[at] as number;
      const distance = distances[at] as number;
      if (Number.isNaN(score)) continue;
      both += (1 - score) * distance;
      squares += distance * distance;
    }
    return both / squares;
  }
}

/** How many times the largest error that was seen another may be: of some hundred normal ones four deviations. */
const ERROR_MARGIN = 1.5;

/** Vectors of a space, by row. */
export function vectorsOf({ table, rows }: PinnedSpace): RowReader<VectorRow> {
  return {
    // Copied: the answer's buffer holds all of its rows, and is to be forgotten with the first of them.
    read: async (missing) =>
      rowsOf(await table.takeRowIds(missing).select(ROW_COLUMNS).withRowId().toArrow(), (values) => values.slice()),
    all: {
      count: rows,
      async *read() {
        for await (const batch of table.query().where(LIVE).select(ROW_COLUMNS).withRowId()) {
          yield rowsOf({ batches: [batch] }, (values) => values);
        }
      },
    },
  };
}

const ROW_COLUMNS = [COLUMN.id, COLUMN.vector];

function rowsOf(found: Parameters<typeof eachRow>[0], kept: (values: Float32Array) => Float32Array) {
  const rows = new Map<number, VectorRow>();
  eachRow(found, ROW_COLUMNS, (row, rowId, [id, values]) => {
    const vector = kept((values?.get(row) as { toArray(): Float32Array }).toArray());
    rows.set(rowId, { id: id?.get(row) as string, vector, norm: Math.sqrt(dot(vector, vector)) });
  });
  return rows;
}

/** Four sums side by side: one alone waits for each addition before the next. Destructured they would each be boxed. */
function dot(one: Float32Array, other: Float32Array): number {
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  const length = one.length & ~3;
  for (let at = 0; at < length; at += 4) {
    first += (one[at] as number) * (other[at] as number);
    second += (one[at + 1] as number) * (other[at + 1] as number);
    third += (one[at + 2] as number) * (other[at + 2] as number);
    fourth += (one[at + 3] as number) * (other[at + 3] as number);
  }
  for (let at = length; at < one.length; at++) first += (one[at] as number) * (other[at] as number);
  return first + second + third + fourth;
}
