import type { PinnedSpace } from '../spaces/pinned-space.js';
import { COLUMN, DISTANCE, LIVE } from '../spaces/space-schema.js';
import { type Candidate, inOrder } from './candidates.js';
import { eachRow, rowIdsOf } from './columns.js';
import { RowCache, type RowReader } from './row-cache.js';

/** Parts of the index that are looked into, of those it has. */
const PROBES = 32;
/** Nodes of the graph that are held at once: recall of the best 10 is over 0.95 from 600 on, random vectors included. */
const EF_MIN = 800;

/** A chunk's vector, and its length. */
export interface VectorRow {
  readonly id: string;
  readonly vector: Float32Array;
  readonly norm: number;
}

export function vectorRowCache(bytesMax: number): RowCache<VectorRow> {
  return new RowCache(bytesMax, ({ id, vector }) => vector.byteLength + 2 * id.length + 150);
}

/**
 * The nearest chunks of one source, by cosine. The index proposes from quantised vectors, whose distances cannot be
 * compared between sources; each proposal is measured again from its stored vector, in double precision.
 */
export async function searchVector(
  space: PinnedSpace,
  source: number,
  vector: Float32Array,
  predicate: string | undefined,
  depth: number,
  cache: RowCache<VectorRow>,
): Promise<Candidate[]> {
  const rows =
    space.rows <= depth ? await scan(space, predicate) : await proposed(space, vector, predicate, depth, cache);
  const norm = Math.sqrt(dot(vector, vector));
  const candidates: Candidate[] = [];
  for (const [rowId, row] of rows) {
    // A stored vector of length 0 has no direction, and is near nothing.
    if (row.norm === 0) continue;
    candidates.push({ source, rowId, id: row.id, score: dot(vector, row.vector) / (norm * row.norm) });
  }
  return candidates.sort(inOrder);
}

/** Every chunk: where all of them are candidates a search would find the same, and its proposals be read after it. */
async function scan({ table }: PinnedSpace, predicate: string | undefined): Promise<Map<number, VectorRow>> {
  const where = predicate === undefined ? LIVE : `${LIVE} AND ${predicate}`;
  return rowsOf(await table.query().where(where).select(ROW_COLUMNS).withRowId().toArrow(), (values) => values);
}

async function proposed(
  space: PinnedSpace,
  vector: Float32Array,
  predicate: string | undefined,
  depth: number,
  cache: RowCache<VectorRow>,
): Promise<Iterable<readonly [rowId: number, row: VectorRow]>> {
  const search = space.table
    .query()
    .nearestTo(vector)
    .column(COLUMN.vector)
    .distanceType(DISTANCE)
    .nprobes(PROBES)
    .ef(Math.max(EF_MIN, 2 * depth));
  const filtered = predicate === undefined ? search : search.where(predicate);
  const rowIds = rowIdsOf(await filtered.limit(depth).select(['_distance']).withRowId().toArrow());
  const rows = await cache.rows(space.table, rowIds, vectorsOf(space));
  return rows.map((row, at) => [rowIds[at] as number, row]);
}

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
