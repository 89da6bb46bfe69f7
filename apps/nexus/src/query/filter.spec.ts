import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FilteredRows, NASTY } from './filtered-rows.fixture.js';
import { anyFilter, holds } from './plain-filter.fixture.js';

let rows: FilteredRows;
const idsOf: FilteredRows['idsOf'] = (filter) => rows.idsOf(filter);
const idsWhere: FilteredRows['idsWhere'] = (test) => rows.idsWhere(test);

beforeAll(async () => {
  rows = await FilteredRows.make();
});
afterAll(() => rows.remove());

describe('what a filter matches', () => {
  it('leaves everything in without a condition', async () => {
    expect(await idsOf({})).toEqual(idsWhere(() => true));
  });

  it.each(NASTY)('takes %j as text: of a column, of metadata and as a name in it', async (text) => {
    expect(await idsOf({ type: text })).toEqual(idsWhere((row) => row.type === text));
    expect(await idsOf({ type: { $in: [text, 'nobody'] } })).toEqual(idsWhere((row) => row.type === text));
    expect(await idsOf({ 'metadata.k': text })).toEqual(idsWhere((row) => [row.metadata.k].flat().includes(text)));
    if (text !== '')
      expect(await idsOf({ [`metadata.${text}`]: 1 })).toEqual(idsWhere((row) => row.metadata[text] === 1));
    if (text !== '')
      expect(await idsOf({ [`metadata.${text}`]: { $exists: true } })).toEqual(idsWhere((row) => text in row.metadata));
  });

  it('matches rows without the field with $ne, $nin and $not, unless $exists leaves them out', async () => {
    const without = idsWhere((row) => row.metadata.k !== 5);
    expect(await idsOf({ 'metadata.k': { $ne: 5 } })).toEqual(without);
    expect(await idsOf({ 'metadata.k': { $nin: [5] } })).toEqual(without);
    expect(await idsOf({ $not: { 'metadata.k': 5 } })).toEqual(without);
    expect(await idsOf({ 'metadata.k': { $not: { $eq: 5 } } })).toEqual(without);
    expect(await idsOf({ 'metadata.k': { $ne: 5, $exists: true } })).toEqual(
      idsWhere((row) => 'k' in row.metadata && row.metadata.k !== 5),
    );
    expect(await idsOf({ type: { $ne: 'note' } })).toEqual(idsWhere((row) => row.type !== 'note'));
  });

  it('finds a list by one of its texts, and does not take a text for a number', async () => {
    expect(await idsOf({ 'metadata.k': 'a' })).toEqual(
      idsWhere((row) => Array.isArray(row.metadata.k) && row.metadata.k.includes('a')),
    );
    expect(await idsOf({ 'metadata.k': { $in: ['nobody', 'x'] } })).toEqual(
      idsWhere((row) => Array.isArray(row.metadata.k) && row.metadata.k.includes('x')),
    );
    expect(await idsOf({ 'metadata.k': { $gte: '' } })).toEqual(
      idsWhere((row) => [row.metadata.k].flat().some((item) => typeof item === 'string')),
    );
    expect(await idsOf({ 'metadata.k': 5 })).toEqual(idsWhere((row) => row.metadata.k === 5));
    expect(await idsOf({ 'metadata.k': true })).toEqual(idsWhere((row) => row.metadata.k === true));
  });

  it('compares times to the millisecond, in any offset', async () => {
    expect(await idsOf({ occurred_at: '2026-01-02T04:04:05.678+01:00' })).toEqual(
      idsWhere((row) => row.at?.startsWith('2026') ?? false),
    );
    expect(await idsOf({ occurred_at: { $gt: '2026-01-02T03:04:05.677Z' } })).toHaveLength(NASTY.length);
    expect(await idsOf({ occurred_at: { $lt: '2026-01-02T03:04:05.678Z' } })).toEqual(['old']);
    expect(await idsOf({ occurred_at: { $exists: false } })).toEqual(idsWhere((row) => row.at === null));
  });

  it('agrees with the same filter worked out in memory', async () => {
    await fc.assert(
      fc.asyncProperty(anyFilter(), async (filter) => {
        expect(await idsOf(filter)).toEqual(idsWhere((row) => holds(filter, row)));
      }),
      { numRuns: 300 },
    );
  });
});
