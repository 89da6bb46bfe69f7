import type { RecordBatch, Table as ArrowTable } from 'apache-arrow';

/** Reads rows column by column: whole rows as objects cost several times the query that found them. */
export function eachRow(
  rows: ArrowTable,
  names: readonly string[],
  use: (row: number, columns: Column[]) => void,
): void {
  for (const batch of rows.batches) {
    const columns = names.map((name) => columnOf(batch, name));
    for (let row = 0; row < batch.numRows; row++) use(row, columns);
  }
}

/** The `_rowid` of each row. */
export function rowIdsOf(rows: ArrowTable): bigint[] {
  return rows.batches.flatMap((batch) => [
    ...(columnOf(batch, ROW_ID) as unknown as { toArray(): BigUint64Array }).toArray(),
  ]);
}

export const ROW_ID = '_rowid';

export interface Column {
  get(row: number): unknown;
}

function columnOf(batch: RecordBatch, name: string): Column {
  const column = batch.getChild(name);
  if (column === null) throw new Error(`the answer has no column ${name}`);
  return column;
}
