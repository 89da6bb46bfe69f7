import { describe, expect, it } from '@jest/globals';
import type { Table } from '@lancedb/lancedb';
import { RowCache, type RowReader } from './row-cache.js';

describe('what is kept of rows', () => {
  const contents = (rowIds: Iterable<number>) => new Map([...rowIds].map((rowId) => [rowId, `row ${rowId}`]));
  const handle = () => ({}) as Table;
  const upTo = (count: number) => Array.from({ length: count }, (_, rowId) => rowId);

  /** Reads and remembers what it was asked for. */
  function reader(all?: RowReader<string>['all']): RowReader<string> & { readonly asked: (readonly number[])[] } {
    const asked: (readonly number[])[] = [];
    const read = async (missing: readonly number[]) => {
      asked.push(missing);
      return contents(missing);
    };
    return { asked, read, ...(all && { all }) };
  }

  it('is of one handle, asked for once, and bounded', async () => {
    const cache = new RowCache<string>(4000, () => 0);
    const [one, other, rows] = [handle(), handle(), reader()];
    expect(await cache.rows(one, [1, 2], rows)).toEqual(['row 1', 'row 2']);
    expect(await cache.rows(one, [2, 3, 1], rows)).toEqual(['row 2', 'row 3', 'row 1']);
    await cache.rows(other, [1], rows);
    expect(rows.asked).toEqual([[1, 2], [3], [1]]);
    for (let rowId = 10; rowId < 100; rowId++) await cache.rows(one, [rowId], rows);
    rows.asked.length = 0;
    await cache.rows(one, [2, 99], rows);
    expect(rows.asked).toEqual([[2]]);
  });

  it('goes by the handle that was asked longest ago', async () => {
    const cache = new RowCache<string>(4000, () => 0);
    const [kept, forgotten, rows] = [handle(), handle(), reader()];
    await cache.rows(kept, [1], rows);
    await cache.rows(forgotten, upTo(20), rows);
    await cache.rows(kept, upTo(20), rows);
    rows.asked.length = 0;
    await cache.rows(kept, upTo(20), rows);
    expect(rows.asked).toEqual([]);
    await cache.rows(forgotten, [0], rows);
    expect(rows.asked).toEqual([[0]]);
  });

  it('answers what is larger than the bound', async () => {
    const [cache, one, rows] = [new RowCache<string>(1000, () => 0), handle(), reader()];
    expect(await cache.rows(one, upTo(50), rows)).toEqual(upTo(50).map((rowId) => `row ${rowId}`));
    expect(await cache.rows(one, upTo(50), rows)).toEqual(upTo(50).map((rowId) => `row ${rowId}`));
  });

  it('is all of a handle that is asked often, where half of the bound holds it', async () => {
    let wholly = 0;
    const all = (count: number): RowReader<string>['all'] => ({
      count,
      async *read() {
        wholly += 1;
        yield contents(upTo(count));
      },
    });
    const cache = new RowCache<string>(400_000, () => 0);
    const [one, large, few, many] = [handle(), handle(), reader(all(1000)), reader(all(3000))];
    for (let rowId = 0; rowId < 30; rowId++) {
      await cache.rows(one, [rowId], few);
      await cache.rows(large, [rowId], many);
      await cache.settled();
    }
    expect(wholly).toBe(1);
    few.asked.length = 0;
    expect(await cache.rows(one, [999, 500], few)).toEqual(['row 999', 'row 500']);
    expect(few.asked).toEqual([]);
  });

  it('goes on one by one where a handle was closed while all of it was read', async () => {
    const cache = new RowCache<string>(400_000, () => 0);
    const closed = {
      count: 10,
      read(): AsyncIterable<never> {
        throw new Error('closed');
      },
    };
    const [one, rows] = [handle(), reader(closed)];
    for (const rowId of upTo(10)) expect(await cache.rows(one, [rowId], rows)).toEqual([`row ${rowId}`]);
    await cache.settled();
    expect(rows.asked).toHaveLength(10);
  });
});
