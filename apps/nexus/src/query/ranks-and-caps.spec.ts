import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Bm25, idf, pooled } from './bm25.js';
import { type Candidate, inOrder, keyOf, merged, ranksOf, type SourceScope } from './candidates.js';
import { capped } from './caps.js';
import { fuse } from './fusion.js';

const candidate = (id: string, score: number, source = 0): Candidate => ({ id, score, source, rowId: 0 });

/** A ranked list with equals in it. */
const rankedList = fc
  .uniqueArray(
    fc.record({ id: fc.string({ maxLength: 4 }), score: fc.integer({ min: 0, max: 9 }), source: fc.nat(1) }),
    { selector: keyOf, maxLength: 60 },
  )
  .map((items) => items.map(({ id, score, source }) => candidate(id, score, source)).sort(inOrder));

describe('ranks', () => {
  it('are one for equals, whatever stands between', () => {
    expect(ranksOf([5, 4, 4, 4, 1].map((score, at) => candidate(`${at}`, score)))).toEqual([1, 2, 2, 2, 5]);
  });

  it('merge sources to the list that one source would have given', () => {
    fc.assert(
      fc.property(rankedList, fc.nat(70), (list, depth) => {
        const sources = [0, 1].map((source) => list.filter((item) => item.source === source));
        expect(
          merged(
            sources.map((source) => source.slice(0, depth)),
            depth,
          ),
        ).toEqual(list.slice(0, depth));
      }),
    );
  });
});

describe('fusion', () => {
  it('sums weight / (k + rank), and leaves a list of weight 0 out', () => {
    const one = [candidate('a', 9), candidate('b', 8)];
    const other = [candidate('b', 3), candidate('c', 2)];
    const fused = fuse(
      [
        { weight: 1, candidates: one },
        { weight: 2, candidates: other },
      ],
      60,
    );
    expect(fused.map(({ id, score }) => [id, score])).toEqual([
      ['b', 1 / 62 + 2 / 61],
      ['c', 2 / 62],
      ['a', 1 / 61],
    ]);
    expect(
      fuse(
        [
          { weight: 0, candidates: one },
          { weight: 1, candidates: other },
        ],
        60,
      ).map(({ id }) => id),
    ).toEqual(['b', 'c']);
  });

  it('scores a chunk the same, however equals were ordered and split over sources', () => {
    fc.assert(
      fc.property(rankedList, fc.integer({ min: 1, max: 100 }), (list, k) => {
        const scores = (source: number) => {
          const moved = list
            .map((item, at) => ({ ...item, id: `${item.source} ${item.id}`, source: source === 2 ? at % 2 : source }))
            .sort(inOrder);
          return new Map(fuse([{ weight: 1, candidates: moved }], k).map(({ id, score }) => [id, score]));
        };
        expect(scores(0)).toEqual(scores(2));
      }),
    );
  });
});

describe('caps', () => {
  const scopeOf = ({ source }: Candidate): SourceScope => (source === 0 ? 'tenant' : 'global');

  it('hold on every page; nothing twice; each page in the order of the ranking; a short page is the last', () => {
    const cap = fc.record({ min: fc.nat(3), more: fc.nat(5) }).map(({ min, more }) => ({ min, max: min + more }));
    fc.assert(
      fc.property(rankedList, fc.integer({ min: 6, max: 12 }), cap, cap, (list, size, tenant, global) => {
        const chosen = capped(list, { tenant, global }, size, scopeOf);
        expect(new Set(chosen.map(keyOf)).size).toBe(chosen.length);
        for (let from = 0; from < chosen.length; from += size) {
          const page = chosen.slice(from, from + size);
          const left = list.filter((item) => !chosen.slice(0, from).includes(item));
          expect(page).toEqual([...page].sort(inOrder));
          for (const [scope, { min, max }] of [
            ['tenant', tenant],
            ['global', global],
          ] as const) {
            const count = page.filter((item) => scopeOf(item) === scope).length;
            const there = left.filter((item) => scopeOf(item) === scope).length;
            expect(count).toBeLessThanOrEqual(max);
            expect(count).toBeGreaterThanOrEqual(Math.min(min, there));
          }
        }
      }),
    );
  });

  it('change nothing where there are none, or none that count', () => {
    fc.assert(
      fc.property(rankedList, (list) => {
        expect(capped(list, undefined, 5, scopeOf)).toEqual(list);
        expect(capped(list, { tenant: { max: 5 }, global: { min: 0 } }, 5, scopeOf)).toEqual(list);
      }),
    );
  });
});

describe('BM25', () => {
  it('is the textbook value', () => {
    const bm25 = new Bm25(['log'], { chunks: 10, tokens: 50, documentFrequency: new Map([['log', 3]]) });
    expect(bm25.score(' kafka:1 log:2 ', 5)).toBeCloseTo((Math.log(1 + 7.5 / 3.5) * 2 * 2.2) / (2 + 1.2), 12);
    expect(bm25.score(' logs:2 catalog:9 ', 5)).toBe(0);
    expect(
      new Bm25(['log', 'log'], { chunks: 10, tokens: 50, documentFrequency: new Map([['log', 3]]) }).score(
        ' log:1 ',
        5,
      ),
    ).toBeCloseTo(2 * bm25.score(' log:1 ', 5), 12);
  });

  it('pools sources as if they were one', () => {
    const one = { chunks: 3, tokens: 10, documentFrequency: new Map([['a', 2]]) };
    const other = {
      chunks: 5,
      tokens: 90,
      documentFrequency: new Map([
        ['a', 1],
        ['b', 4],
      ]),
    };
    expect(pooled([one, other])).toEqual({
      chunks: 8,
      tokens: 100,
      documentFrequency: new Map([
        ['a', 3],
        ['b', 4],
      ]),
    });
    expect(idf(8, 8)).toBeGreaterThan(0);
  });

  it('scores a chunk the same whatever the order of the words', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 2 }), (words) => {
        const statistics = {
          chunks: 99,
          tokens: 777,
          documentFrequency: new Map(['a', 'b', 'c', 'd', 'e'].map((term, at) => [term, 7 * at + 1])),
        };
        const score = (terms: string[]) => new Bm25(terms, statistics).score(' a:1 b:2 c:3 d:1 e:7 ', 14);
        expect(score([...words].reverse())).toBe(score(words));
      }),
    );
  });
});
