import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, makeArrowTable, type Table } from '@lancedb/lancedb';
import { LIVE, spaceSchema } from '../spaces/space-schema.js';
import { compileFilter } from './filter.js';

/** What a filter is asked of, as plainly as can be. */
export interface FilteredRow {
  id: string;
  type: string | null;
  at: string | null;
  metadata: Record<string, unknown>;
}

/** Texts that are easily taken for something else. */
export const NASTY = [
  `it's`,
  `x' OR 1=1 --`,
  '"quoted"',
  'back\\slash',
  '\\u0041',
  'a\u0000b',
  '/* c */',
  'ключ 😀 \u2028',
  '',
  ' ',
  'upper(type)',
  '$',
  '@."n" == 5)',
  'line\nbreak\ttab',
  '%',
  '_',
  '5',
  'true',
  'null',
  '[1]',
];
const VALUES = [
  0,
  5,
  -0,
  -3,
  7.5,
  -0.5e-7,
  1e21,
  9007199254740991,
  true,
  false,
  null,
  ['a', 'b'],
  ['x', 5],
  [5, 'x'],
  [null, 'a', true, ''],
  [7.5],
  [],
  { e: 1 },
];

/** A table of the space's own schema; the real thing, for what a predicate means is what LanceDB makes of it. */
export class FilteredRows {
  private constructor(
    private readonly folder: string,
    private readonly table: Table,
    private readonly rows: readonly FilteredRow[],
  ) {}

  static async make(): Promise<FilteredRows> {
    const rows = allRows();
    const folder = await mkdtemp(join(tmpdir(), 'runspine-filter-'));
    const schema = spaceSchema({ model: 'hash-2', dimension: 2 });
    const data = rows.map((row) => ({
      id: row.id,
      document_id: row.id,
      chunk_index: 0,
      text: '',
      vector: [1, 0],
      terms: ' ',
      token_count: 0,
      type: row.type,
      metadata: JSON.stringify(row.metadata),
      metadata_json: JSON.stringify(row.metadata),
      source_uri: null,
      occurred_at: row.at === null ? null : Date.parse(row.at),
      source_offset: 0n,
      tombstone: false,
      statistics: null,
    }));
    const table = await (await connect(folder)).createTable('space', makeArrowTable(data, { schema }), { schema });
    return new FilteredRows(folder, table, rows);
  }

  async remove(): Promise<void> {
    this.table.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Of the rows that LanceDB finds. */
  async idsOf(filter: unknown): Promise<string[]> {
    const predicate = compileFilter(filter);
    const where = predicate === undefined ? LIVE : `${LIVE} AND ${predicate}`;
    const found = (await this.table.query().where(where).select(['id']).toArray()) as { id: string }[];
    return found.map((row) => row.id).sort();
  }

  /** Of the rows that it should find. */
  idsWhere(test: (row: FilteredRow) => boolean): string[] {
    return this.rows
      .filter(test)
      .map((row) => row.id)
      .sort();
  }
}

function allRows(): FilteredRow[] {
  const rows: FilteredRow[] = [];
  for (const value of [...NASTY, ...VALUES])
    rows.push({ id: `v${rows.length}`, type: null, at: null, metadata: { k: value } });
  for (const key of NASTY.filter((name) => name !== ''))
    rows.push({ id: `k${rows.length}`, type: null, at: null, metadata: { [key]: 1 } });
  for (const type of NASTY) rows.push({ id: `t${rows.length}`, type, at: '2026-01-02T03:04:05.678Z', metadata: {} });
  rows.push({ id: 'old', type: 'note', at: '1970-01-01T00:00:00.000Z', metadata: { k: 5, 'a.b': 'c' } });
  return rows;
}
