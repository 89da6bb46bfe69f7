import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { CommitRounds } from './commit-rounds.js';

interface Item {
  name: string;
  entries: readonly unknown[];
}

const item = (name: string, entries: number): Item => ({ name, entries: Array.from({ length: entries }) });

/** Rounds whose commits end when the test says so. */
function rounds() {
  const begun: { names: string[]; end: (results: readonly string[] | undefined) => void }[] = [];
  const taken = new CommitRounds<Item, string>((items) => {
    const { promise, resolve } = Promise.withResolvers<readonly string[] | undefined>();
    begun.push({ names: items.map(({ name }) => name), end: resolve });
    return promise;
  });
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

  it('start at once, beside others, where they are large', () => {
    const { begun, take } = rounds();
    void take('a', 100);
    void take('b', 99);
    void take('c', 1);
    expect(begun.map(({ names }) => names)).toEqual([['a'], ['b', 'c']]);
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
