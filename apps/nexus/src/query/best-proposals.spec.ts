import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bestOf, candidatesAmong, foundOf, type Proposals } from './best-proposals.js';
import { type Candidate, inOrder } from './candidates.js';

/* Scoring few of the proposals finds what scoring all of them does. */

/** Rows of known scores, proposed by estimates that are off by no more than a bound. */
class Estimated implements Proposals {
  readonly scores: Float64Array;
  readonly rowIds: readonly number[];
  scored = 0;

  constructor(
    private readonly rows: readonly { readonly score: number; readonly estimate: number }[],
    private readonly bound: number,
  ) {
    this.rowIds = rows.map((_, at) => 1000 + at);
    this.scores = new Float64Array(rows.length).fill(Number.NaN);
  }

  idOf(at: number): string {
    return `d${at}`;
  }

  score(from: number, to: number): void {
    expect(from).toBe(this.scored);
    for (let at = from; at < to; at++) this.scores[at] = this.rows[at]?.score as number;
    this.scored = to;
  }

  expected(at: number): number {
    return this.rows[at]?.estimate as number;
  }

  most(at: number): number {
    return this.expected(at) + this.bound;
  }

  all(source: number): Candidate[] {
    const candidates = this.rows.map(({ score }, at) => ({ source, rowId: 1000 + at, id: `d${at}`, score }));
    return candidates.filter(({ score }) => !Number.isNaN(score)).sort(inOrder);
  }
}

/** Few different scores, so that many are equal; some rows are no candidates. */
const row = fc.record({
  score: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 0, max: 300 }) },
    { weight: 1, arbitrary: fc.constant(NaN) },
  ),
  off: fc.integer({ min: -10, max: 10 }),
});
const source = fc
  .tuple(fc.array(row, { maxLength: 400 }), fc.constantFrom(0, 10, Infinity))
  .map(([rows, bound]): [rows: { score: number; estimate: number }[], bound: number] => [
    rows
      .map(({ score, off }) => {
        const near = (Number.isNaN(score) ? 150 : score) + Math.sign(off) * Math.min(Math.abs(off), bound);
        return { score, estimate: bound === Infinity ? Infinity : near };
      })
      .sort((one, other) => (one.estimate === other.estimate ? 0 : other.estimate - one.estimate)),
    bound,
  ]);
const count = fc.integer({ min: 1, max: 200 });
const sourcesOf = (given: readonly [rows: { score: number; estimate: number }[], bound: number][]) =>
  given.map(([rows, bound]) => new Estimated(rows, bound));

it('finds the best of all sources together', () => {
  fc.assert(
    fc.property(fc.array(source, { minLength: 1, maxLength: 3 }), count, (given, wanted) => {
      const sources = sourcesOf(given);
      const best = bestOf(sources, wanted, true);
      const found = sources.flatMap((proposals, at) => candidatesAmong(proposals, at, best));
      const all = sources.flatMap((proposals, at) => proposals.all(at));
      expect(found.sort(inOrder).slice(0, wanted)).toEqual(all.sort(inOrder).slice(0, wanted));
    }),
    { numRuns: 300 },
  );
});

it('finds the best of each source, and how many candidates it has', () => {
  fc.assert(
    fc.property(fc.array(source, { minLength: 1, maxLength: 3 }), count, (given, wanted) => {
      const sources = sourcesOf(given);
      const best = bestOf(sources, wanted, false);
      sources.forEach((proposals, at) => {
        const found = candidatesAmong(proposals, at, best);
        expect(found.slice(0, wanted)).toEqual(proposals.all(at).slice(0, wanted));
      });
    }),
    { numRuns: 300 },
  );
});

it('scores those only that may be among the best', () => {
  const rows = Array.from({ length: 400 }, (_, at) => ({ score: 400 - at, estimate: 400 - at }));
  const halves = [0, 1].map(
    (half) =>
      new Estimated(
        rows.filter((_, at) => at % 2 === half),
        20,
      ),
  );
  expect(bestOf(halves, 200, true)).toEqual({ scored: [110, 110], last: [201, 201] });
  // One source that has all the best, and of the other no more than is needed to see how far off it is.
  const [better, worse] = [
    new Estimated(rows, 0),
    new Estimated(
      rows.map(() => ({ score: 1, estimate: 1 })),
      0,
    ),
  ];
  expect(bestOf([better, worse], 200, true)).toEqual({ scored: [200, 32], last: [201, 201] });
});

it('counts as found what it did not need to score, and never what is no candidate', () => {
  const rows = Array.from({ length: 100 }, (_, at) => ({ score: at % 10 === 0 ? NaN : 100 - at, estimate: 100 - at }));
  const proposals = new Estimated(rows, 0);
  const { scored } = bestOf([proposals], 20, true);
  expect(scored).toEqual([32]);
  expect(foundOf(proposals, 32, 200)).toBe(96);
  expect(foundOf(proposals, 32, 50)).toBe(50);
});

it('has nothing of no source, and nothing of an empty one', () => {
  expect(bestOf([], 10, true)).toEqual({ scored: [], last: [] });
  expect(bestOf([new Estimated([], 0)], 10, true)).toEqual({ scored: [0], last: [-Infinity] });
});
