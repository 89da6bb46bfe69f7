import { join } from 'node:path';
import { connect, type Table } from '@lancedb/lancedb';
import type { Table as ArrowTable } from 'apache-arrow';
import { spacePath, type SpaceKey } from '@runspine/contracts';
import type { Question } from '../ours/nexus-query.ts';

/**
 * The limit of a query: raw LanceDB in process, on the same table with the same indexes, looked into as deep and, for
 * the same recall, as wide. Ids and scores of all candidates, the texts of the best ten.
 */
export class RawSpace {
  private readonly table: Table;
  private readonly depth: number;

  private constructor(table: Table, depth: number) {
    this.table = table;
    this.depth = depth;
  }

  static async open(folder: string, key: SpaceKey, depth: number): Promise<RawSpace> {
    const path = spacePath(key).split('/').slice(0, -1).join('/');
    const connection = await connect(join(folder, path));
    return new RawSpace(await connection.openTable(key.spaceId), depth);
  }

  async vector({ vector }: Question): Promise<string[]> {
    return this.best(rowIdsOf(await this.nearest(vector)));
  }

  async text({ query }: Question): Promise<string[]> {
    return this.best(rowIdsOf(await this.matching(query)));
  }

  /** Both at once, fused by their ranks. */
  async hybrid({ vector, query }: Question): Promise<string[]> {
    const scores = new Map<bigint, number>();
    for (const found of await Promise.all([this.nearest(vector), this.matching(query)])) {
      rowIdsOf(found).forEach((id, rank) => scores.set(id, (scores.get(id) ?? 0) + 1 / (61 + rank)));
    }
    return this.best([...scores].sort(([, one], [, other]) => other - one).map(([id]) => id));
  }

  private nearest(vector: Float32Array): Promise<ArrowTable> {
    const search = this.table.query().nearestTo(vector).column('vector').distanceType('cosine').ef(800);
    return search.limit(this.depth).select(['id', '_distance']).withRowId().toArrow();
  }

  private matching(query: string): Promise<ArrowTable> {
    const search = this.table.query().fullTextSearch(query, { columns: ['text'] });
    return search.limit(this.depth).select(['id', '_score']).withRowId().toArrow();
  }

  private async best(rowIds: readonly bigint[]): Promise<string[]> {
    const read = this.table.takeRowIds(rowIds.slice(0, 10)).select(['id', 'document_id', 'text', 'metadata']);
    return Array.from((await read.toArrow()).getChild('id') ?? [], String);
  }
}

function rowIdsOf(found: ArrowTable): bigint[] {
  return Array.from(found.getChild('_rowid') ?? [], (id) => id as bigint);
}

/** Ids of the ten nearest, by comparing with every vector. */
export async function exactNearest(
  folder: string,
  key: SpaceKey,
  vectors: readonly Float32Array[],
): Promise<string[][]> {
  const path = spacePath(key).split('/').slice(0, -1).join('/');
  const table = await (await connect(join(folder, path))).openTable(key.spaceId);
  const nearest: string[][] = [];
  for (const vector of vectors) {
    const search = table.query().nearestTo(vector).column('vector').distanceType('cosine').bypassVectorIndex();
    const found = await search.limit(10).select(['id', '_distance']).toArrow();
    nearest.push(Array.from(found.getChild('id') ?? [], String));
  }
  return nearest;
}
