import type { PinnedSpace } from '../spaces/pinned-space.js';
import { COLUMN, DISTANCE } from '../spaces/space-schema.js';
import { type Candidate, inOrder } from './candidates.js';
import { eachRow } from './columns.js';

/** Parts of the index that are looked into, of those it has. */
const PROBES = 32;
/** Nodes of the graph that are held at once: recall of the best 10 is over 0.95 from 600 on, random vectors included. */
const EF_MIN = 800;

/**
 * The nearest chunks of one source, by cosine. The index proposes from quantised vectors, which are not comparable
 * between sources; each proposal's distance is then measured again from its stored vector (`refineFactor`), to the
 * same number that a search without an index gives.
 */
export async function searchVector(
  space: PinnedSpace,
  source: number,
  vector: Float32Array,
  predicate: string | undefined,
  depth: number,
): Promise<Candidate[]> {
  const search = space.table
    .query()
    .nearestTo(vector)
    .column(COLUMN.vector)
    .distanceType(DISTANCE)
    .nprobes(PROBES)
    .ef(Math.max(EF_MIN, 2 * depth))
    .refineFactor(1);
  const filtered = predicate === undefined ? search : search.where(predicate);
  const found = await filtered.limit(depth).select([COLUMN.id, '_distance']).withRowId().toArrow();
  const candidates: Candidate[] = [];
  eachRow(found, ['_rowid', COLUMN.id, '_distance'], (row, [rowId, id, distance]) => {
    const score = 1 - (distance?.get(row) as number);
    // A stored vector of length 0 has no direction, and is near nothing.
    if (Number.isNaN(score)) return;
    candidates.push({ source, rowId: rowId?.get(row) as bigint, id: id?.get(row) as string, score });
  });
  return candidates.sort(inOrder);
}
