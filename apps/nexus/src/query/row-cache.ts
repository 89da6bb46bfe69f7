import type { Table } from '@lancedb/lancedb';

/**
 * What was read of rows at pinned versions, which never change: kept by handle, so that nothing of it can be stale.
 * Bounded by bytes: when the young half is full it becomes the old one, and what was old is forgotten.
 */
export class RowCache<Row> {
  private young = new Map<Table, Map<bigint, Row>>();
  private old = new Map<Table, Map<bigint, Row>>();
  private youngBytes = 0;

  constructor(
    private readonly bytesMax: number,
    private readonly bytesOf: (row: Row) => number,
  ) {}

  /** The rows of these ids, in their order; `read` is asked once for all that are not known. */
  async rows(
    table: Table,
    rowIds: readonly bigint[],
    read: (missing: bigint[]) => Promise<ReadonlyMap<bigint, Row>>,
  ): Promise<Row[]> {
    const young = this.young.get(table);
    const old = this.old.get(table);
    const missing: bigint[] = [];
    const found = rowIds.map((rowId) => {
      const row = young?.get(rowId) ?? old?.get(rowId);
      if (row === undefined) missing.push(rowId);
      return row;
    });
    const fresh = missing.length > 0 ? await read(missing) : undefined;
    return rowIds.map((rowId, at) => {
      const row = found[at] ?? fresh?.get(rowId);
      if (row === undefined) throw new Error('a pinned version lost a row that it had proposed');
      this.keep(table, rowId, row);
      return row;
    });
  }

  private keep(table: Table, rowId: bigint, row: Row): void {
    let rows = this.young.get(table);
    if (rows?.has(rowId)) return;
    const bytes = this.bytesOf(row) + ENTRY_BYTES;
    if (this.youngBytes + bytes > this.bytesMax / 2) {
      this.old = this.young;
      this.young = new Map();
      this.youngBytes = 0;
      rows = undefined;
    }
    if (rows === undefined) this.young.set(table, (rows = new Map()));
    rows.set(rowId, row);
    this.youngBytes += bytes;
  }
}

/** Roughly what a row costs beside its contents. */
const ENTRY_BYTES = 120;
