import type { RecordBatch, Table as ArrowTable } from 'apache-arrow';

/** Reads rows column by column: whole rows as objects cost several times the query that found them. */
export function eachRow(
  rows: Pick<ArrowTable, 'batches'>,
  names: readonly string[],
  use: (row: number, rowId: number, columns: Column[]) => void,
): void {
  for (const batch of rows.batches) {
    const columns = names.map((name) => columnOf(batch, name));
    const rowIds = rowIdsOf({ batches: [batch] });
    for (let row = 0; row < batch.numRows; row++) use(row, rowIds[row] as number, columns);
  }
}

/**
 * The `_rowid` of each row, a fragment's number above 32 bits for the place in it. As numbers: maps of 64-bit integers
 * are slow, and no space lives to see its two millionth fragment.
 */
export function rowIdsOf({ batches }: Pick<ArrowTable, 'batches'>): number[] {
  const rowIds: number[] = [];
  for (const batch of batches) {
    const ids = (columnOf(batch, ROW_ID) as unknown as { toArray(): BigUint64Array }).toArray();
    const halves = new Uint32Array(ids.buffer, ids.byteOffset, 2 * ids.length);
    for (let at = 0; at < halves.length; at += 2) {
      rowIds.push((halves[at + 1] as number) * 2 ** 32 + (halves[at] as number));
    }
  }
  return rowIds;
}

const ROW_ID = '_rowid';

export interface Column {
  get(row: number): unknown;
}

function columnOf(batch: RecordBatch, name: string): Column {
  const column = batch.getChild(name);
  if (column === null) throw new Error(`the answer has no column ${name}`);
  return column;
}
