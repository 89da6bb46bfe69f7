import type { Table } from '@lancedb/lancedb';

/** How rows of a handle are read. */
export interface RowReader<Row> {
  /** Those of these ids; asked once for all that are not known. */
  read(missing: readonly number[]): Promise<ReadonlyMap<number, Row>>;
  /** All that can be proposed, some at a time; how many they are. Without it no more is read than what is asked for. */
  readonly all?: { readonly count: number; read(): AsyncIterable<ReadonlyMap<number, Row>> };
}

/** What is kept of one handle. */
interface Held<Row> {
  /** By fragment, then by place in it, in the order in which it came: maps by large numbers are several times as slow. */
  readonly fragments: Map<number, Map<number, Row>>;
  count: number;
  bytes: number;
  /** Rows that were read one by one, and what asking for them cost, as so many rows. */
  spent: number;
}

/** Roughly what a row costs beside its contents. */
const ENTRY_BYTES = 120;
/** Asking for rows takes as long as that many of them. */
const READ_ROWS = 110;
/** All rows are read once what was spent would have read a third of them one by one: together a row costs so much less. */
const SPENT_OF_ALL = 1 / 3;

/**
 * What was read of rows at pinned versions, which never change: kept by handle, so that nothing of it can be stale.
 * Of a handle that is asked again and again all rows are read, in the background, if half of the bound holds them.
 * Bounded by bytes: the rows that came first go first, those of the handle that was asked longest ago before others.
 */
export class RowCache<Row> {
  /** Asked longest ago first. */
  private readonly held = new Map<Table, Held<Row>>();
  private bytes = 0;
  /** All rows of one handle at a time. */
  private readingAll: Promise<void> | undefined;

  constructor(
    private readonly bytesMax: number,
    private readonly bytesOf: (row: Row) => number,
  ) {}

  /** The rows of these ids, in their order. */
  async rows(table: Table, rowIds: readonly number[], reader: RowReader<Row>): Promise<Row[]> {
    const { fragments } = this.ofTable(table);
    const found: (Row | undefined)[] = [];
    // Mostly all are of one.
    let [fragment, rows] = [-1, undefined as Map<number, Row> | undefined];
    for (const rowId of rowIds) {
      if (fragment !== fragmentOf(rowId)) rows = fragments.get((fragment = fragmentOf(rowId)));
      found.push(rows?.get(placeOf(rowId)));
    }
    const missing = rowIds.filter((_, at) => found[at] === undefined);
    if (missing.length === 0) return found as Row[];
    const fresh = await reader.read(missing);
    // Another one, should all of it have been forgotten meanwhile.
    const held = this.ofTable(table);
    for (const [rowId, row] of fresh) this.keep(held, rowId, row);
    held.spent += missing.length + READ_ROWS;
    this.forget();
    this.readAll(table, held, reader.all);
    return rowIds.map((rowId, at) => {
      const row = found[at] ?? fresh.get(rowId);
      if (row === undefined) throw new Error('a pinned version lost a row that it had proposed');
      return row;
    });
  }

  /** Resolves once nothing is read in the background. */
  async settled(): Promise<void> {
    await this.readingAll;
  }

  private ofTable(table: Table): Held<Row> {
    const held = this.held.get(table) ?? {
      fragments: new Map<number, Map<number, Row>>(),
      count: 0,
      bytes: 0,
      spent: 0,
    };
    this.held.delete(table);
    this.held.set(table, held);
    return held;
  }

  private keep(held: Held<Row>, rowId: number, row: Row): void {
    let rows = held.fragments.get(fragmentOf(rowId));
    if (rows === undefined) held.fragments.set(fragmentOf(rowId), (rows = new Map()));
    if (rows.has(placeOf(rowId))) return;
    rows.set(placeOf(rowId), row);
    const bytes = this.bytesOf(row) + ENTRY_BYTES;
    held.count += 1;
    held.bytes += bytes;
    this.bytes += bytes;
  }

  private forget(): void {
    for (const [table, held] of this.held) {
      for (const [fragment, rows] of held.fragments) {
        for (const [place, row] of rows) {
          if (this.bytes <= this.bytesMax) return;
          const bytes = this.bytesOf(row) + ENTRY_BYTES;
          rows.delete(place);
          held.count -= 1;
          held.bytes -= bytes;
          this.bytes -= bytes;
        }
        held.fragments.delete(fragment);
      }
      this.held.delete(table);
    }
  }

  private readAll(table: Table, held: Held<Row>, all: RowReader<Row>['all']): void {
    if (all === undefined || this.readingAll !== undefined || held.spent < SPENT_OF_ALL * all.count) return;
    if (held.count === 0 || (held.bytes / held.count) * all.count > this.bytesMax / 2) return;
    held.spent = 0;
    const read = async (): Promise<void> => {
      for await (const rows of all.read()) {
        // Whoever was forgotten meanwhile is not asked any more.
        if (this.held.get(table) !== held) return;
        for (const [rowId, row] of rows) this.keep(held, rowId, row);
        this.forget();
      }
    };
    // The handle may be closed, and the version pruned, while nobody reads from it: then there is nothing to keep.
    this.readingAll = read()
      .catch(() => undefined)
      .finally(() => (this.readingAll = undefined));
  }
}

function fragmentOf(rowId: number): number {
  return Math.floor(rowId / 2 ** 32);
}

function placeOf(rowId: number): number {
  return rowId - fragmentOf(rowId) * 2 ** 32;
}
