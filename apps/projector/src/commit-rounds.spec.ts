import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { CommitRounds } from './commit-rounds.js';

interface Item {
  name: string;
  entries: readonly unknown[];
}

const item = (name: string, entries: number): Item => ({ name, entries: Array.from({ length: entries }) });

/** Rounds whose commits end when the test says so. */
function rounds(max = 6) {
  const begun: { names: string[]; end: (results: readonly string[] | undefined) => void }[] = [];
  const taken = new CommitRounds<Item, string>((items) => {
    const { promise, resolve } = Promise.withResolvers<readonly string[] | undefined>();
    begun.push({ names: items.map(({ name }) => name), end: resolve });
    return promise;
  }, max);
  return { begun, take: (name: string, entries: number) => taken.take(item(name, entries)) };
}

describe('rounds', () => {
  it('take together what comes in one turn, and what comes while a commit is on its way', async () => {
    const { begun, take } = rounds();
    const first = [take('a', 1), take('b', 1)];
    await nextTurn();
    const second = [take('c', 1), take('d', 1)];
    await nextTurn();
    expect(begun.map(({ names }) => names)).toEqual([['a', 'b']]);
    begun[0]!.end(['A', 'B']);
    expect(await Promise.all(first)).toEqual(['A', 'B']);
    await nextTurn();
    expect(begun[1]!.names).toEqual(['c', 'd']);
    begun[1]!.end(['C', 'D']);
    expect(await Promise.all(second)).toEqual(['C', 'D']);
  });

  it('of a large batch start at once and alone, beside others', async () => {
    const { begun, take } = rounds();
    void take('small', 1);
    void take('large', 100);
    void take('larger', 500);
    expect(begun.map(({ names }) => names)).toEqual([['large'], ['larger']]);
    await nextTurn();
    expect(begun.map(({ names }) => names)).toEqual([['large'], ['larger'], ['small']]);
  });

  it('of small ones that are large together start beside others, with all of their turn', async () => {
    const { begun, take } = rounds();
    void take('first', 1);
    await nextTurn();
    for (const name of ['a', 'b', 'c', 'd']) void take(name, 40);
    await nextTurn();
    expect(begun.map(({ names }) => names)).toEqual([['first'], ['a', 'b', 'c', 'd']]);
  });

  it('are so many at a time; what comes then goes together', async () => {
    const { begun, take } = rounds(2);
    const all = ['a', 'b', 'c', 'd'].map((name) => take(name, 100));
    await nextTurn();
    expect(begun.map(({ names }) => names)).toEqual([['a'], ['b']]);
    begun[0]!.end(['A']);
    await all[0];
    await nextTurn();
    expect(begun[2]!.names).toEqual(['c', 'd']);
    begun[1]!.end(['B']);
    begun[2]!.end(['C', 'D']);
    expect(await Promise.all(all)).toEqual(['A', 'B', 'C', 'D']);
  });

  it('tell each of theirs that they were not committed, and go on', async () => {
    const { begun, take } = rounds();
    const first = [take('a', 1), take('b', 1)];
    await nextTurn();
    begun[0]!.end(undefined);
    expect(await Promise.all(first)).toEqual([undefined, undefined]);
    const next = take('c', 1);
    await nextTurn();
    begun[1]!.end(['C']);
    expect(await next).toBe('C');
  });
});
