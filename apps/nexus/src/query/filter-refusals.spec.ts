import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ServiceError } from '@runspine/contracts';
import { compileFilter, FILTER_CONDITIONS_MAX, FILTER_DEPTH_MAX, FILTER_VALUES_MAX } from './filter.js';
import { FilteredRows } from './filtered-rows.fixture.js';

let rows: FilteredRows;
const idsOf: FilteredRows['idsOf'] = (filter) => rows.idsOf(filter);
const idsWhere: FilteredRows['idsWhere'] = (test) => rows.idsWhere(test);

beforeAll(async () => {
  rows = await FilteredRows.make();
});
afterAll(() => rows.remove());

function fault(filter: unknown): { path: string } {
  try {
    compileFilter(filter);
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'nexus.filter_invalid')
      return error.details as { path: string };
    throw error;
  }
  throw new Error(`was understood: ${JSON.stringify(filter)}`);
}

describe('what is not understood', () => {
  it.each<[string, unknown, string]>([
    ['no object', [], 'filter'],
    ['another field', { text: 'x' }, 'filter.text'],
    ['SQL for a field', { 'type) OR (1': 'x' }, 'filter.type) OR (1'],
    ['another operator', { type: { $regex: 'x' } }, 'filter.type.$regex'],
    ['an operator for a field', { $eq: 5 }, 'filter.$eq'],
    ['no operators', { type: {} }, 'filter.type'],
    ['a column by number', { type: 5 }, 'filter.type'],
    ['null', { 'metadata.k': null }, 'filter.metadata.k'],
    ['a list for a value', { 'metadata.k': ['a'] }, 'filter.metadata.k'],
    ['an object for a value', { 'metadata.k': { $eq: { a: 1 } } }, 'filter.metadata.k.$eq'],
    ['not a number', { 'metadata.k': { $gt: NaN } }, 'filter.metadata.k.$gt'],
    ['an order of booleans', { 'metadata.k': { $gt: true } }, 'filter.metadata.k.$gt'],
    ['no list', { type: { $in: 'x' } }, 'filter.type.$in'],
    ['no boolean', { type: { $exists: 1 } }, 'filter.type.$exists'],
    ['no time', { occurred_at: { $gt: 'yesterday' } }, 'filter.occurred_at.$gt'],
    ['no name', { 'metadata.': 1 }, 'filter.metadata.'],
    ['an empty $and', { $and: [] }, 'filter.$and'],
    ['an empty filter inside', { $or: [{}] }, 'filter.$or[0]'],
    ['a lone surrogate', { type: 'a\ud800' }, 'filter.type'],
    ['an inherited name', { constructor: 'x' }, 'filter.constructor'],
  ])('%s', (_, filter, path) => {
    expect(fault(filter).path).toBe(path);
  });

  it('too deep, too many, too long', () => {
    let deep: unknown = { type: 'x' };
    for (let level = 0; level <= FILTER_DEPTH_MAX; level++) deep = { $not: deep };
    fault(deep);
    for (let level = 0; level <= 100_000; level++) deep = { $and: [deep] };
    fault(deep);
    fault({ $or: Array.from({ length: 10_000 }, () => ({ type: 'x' })) });
    const half = Array.from({ length: FILTER_CONDITIONS_MAX / 2 + 1 }, () => ({ type: 'x' }));
    fault({ $and: [{ $or: half }, { $or: half }] });
    fault({ type: { $in: Array.from({ length: FILTER_VALUES_MAX + 1 }, () => 'x') } });
    const many = Array.from({ length: FILTER_VALUES_MAX }, () => 'x');
    fault({ $or: Array.from({ length: 3 }, () => ({ type: { $in: many } })) });
    fault({ type: 'x'.repeat(5000) });
  });

  it('the largest that is accepted runs', async () => {
    const values = Array.from({ length: FILTER_VALUES_MAX }, (_, index) => `v${index}`);
    expect(await idsOf({ 'metadata.k': { $in: [...values, 5].slice(1) } })).toEqual(
      idsWhere((row) => row.metadata.k === 5),
    );
    let deep: object = { $or: Array.from({ length: FILTER_CONDITIONS_MAX }, (_, index) => ({ 'metadata.k': index })) };
    for (let level = 1; level < FILTER_DEPTH_MAX; level++) deep = level % 2 ? { $and: [deep] } : { $not: deep };
    await idsOf(deep);
    let zigzag: object = { type: 'x' };
    // The operator $not is a level, too.
    for (let level = 1; level < FILTER_DEPTH_MAX; level++) {
      zigzag = { [level % 2 ? '$and' : '$or']: [zigzag, { 'metadata.k': { $not: { $gt: level } } }] };
    }
    await idsOf(zigzag);
  });
});
