import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect, makeArrowTable, type Table } from '@lancedb/lancedb';
import { ServiceError } from '@runspine/contracts';
import fc from 'fast-check';
import { LIVE, spaceSchema } from '../spaces/space-schema.js';
import { compileFilter, FILTER_CONDITIONS_MAX, FILTER_DEPTH_MAX, FILTER_VALUES_MAX } from './filter.js';

type Row = { id: string; type: string | null; at: string | null; metadata: Record<string, unknown> };

const NASTY = [
  `it's`,
  `x' OR 1=1 --`,
  '"quoted"',
  'back\\slash',
  '\\u0041',
  'a\u0000b',
  '/* c */',
  'ключ 😀 \u2028',
  '',
  ' ',
  'upper(type)',
  '$',
  '@."n" == 5)',
  'line\nbreak\ttab',
  '%',
  '_',
  '5',
  'true',
  'null',
  '[1]',
];
const VALUES = [
  0,
  5,
  -0,
  -3,
  7.5,
  -0.5e-7,
  1e21,
  9007199254740991,
  true,
  false,
  null,
  ['a', 'b'],
  ['x', 5],
  [5, 'x'],
  [null, 'a', true, ''],
  [7.5],
  [],
  { e: 1 },
];

/** A table of the space's own schema; the real thing, for what a predicate means is what LanceDB makes of it. */
let folder: string;
let table: Table;
const rows: Row[] = [];

beforeAll(async () => {
  for (const value of [...NASTY, ...VALUES])
    rows.push({ id: `v${rows.length}`, type: null, at: null, metadata: { k: value } });
  for (const key of NASTY.filter((name) => name !== ''))
    rows.push({ id: `k${rows.length}`, type: null, at: null, metadata: { [key]: 1 } });
  for (const type of NASTY) rows.push({ id: `t${rows.length}`, type, at: '2026-01-02T03:04:05.678Z', metadata: {} });
  rows.push({ id: 'old', type: 'note', at: '1970-01-01T00:00:00.000Z', metadata: { k: 5, 'a.b': 'c' } });
  folder = await mkdtemp(join(tmpdir(), 'runspine-filter-'));
  const schema = spaceSchema({ model: 'hash-2', dimension: 2 });
  const data = rows.map((row) => ({
    id: row.id,
    document_id: row.id,
    chunk_index: 0,
    text: '',
    vector: [1, 0],
    terms: ' ',
    token_count: 0,
    type: row.type,
    metadata: JSON.stringify(row.metadata),
    metadata_json: JSON.stringify(row.metadata),
    source_uri: null,
    occurred_at: row.at === null ? null : Date.parse(row.at),
    source_offset: 0n,
    tombstone: false,
    statistics: null,
  }));
  table = await (await connect(folder)).createTable('space', makeArrowTable(data, { schema }), { schema });
});

afterAll(async () => {
  table.close();
  await rm(folder, { recursive: true, force: true });
});

async function idsOf(filter: unknown): Promise<string[]> {
  const predicate = compileFilter(filter);
  const where = predicate === undefined ? LIVE : `${LIVE} AND ${predicate}`;
  const found = (await table.query().where(where).select(['id']).toArray()) as { id: string }[];
  return found.map((row) => row.id).sort();
}

const idsWhere = (test: (row: Row) => boolean) =>
  rows
    .filter(test)
    .map((row) => row.id)
    .sort();

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

/** Filters of every operator over the rows' own values and others. */
function anyFilter(): fc.Arbitrary<object> {
  const scalar = fc.oneof(
    fc.constantFrom(...NASTY, 0, 5, -3, 7.5, 1e21, true, false),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string(),
  );
  const text = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'grapheme' }));
  const ordered = fc.oneof(text, fc.constantFrom(0, 5, 7.5, -1e-9));
  const operators = (value: fc.Arbitrary<unknown>, order: fc.Arbitrary<unknown>) =>
    fc.oneof(
      value,
      fc.oneof(
        value.map(($eq) => ({ $eq })),
        value.map(($ne) => ({ $ne })),
      ),
      fc.array(value, { maxLength: 4 }).map(($in) => ({ $in })),
      fc.array(value, { maxLength: 4 }).map(($nin) => ({ $nin })),
      fc.tuple(fc.constantFrom('$gt', '$gte', '$lt', '$lte'), order).map(([name, operand]) => ({ [name]: operand })),
      fc.boolean().map(($exists) => ({ $exists })),
    );
  const field = fc.oneof(
    fc.tuple(fc.constantFrom('type', 'document_id', 'source_uri'), operators(text, text)),
    fc.tuple(fc.constantFrom('metadata.k', 'metadata.a.b', 'metadata.%', "metadata.it's"), operators(scalar, ordered)),
  );
  const { filter } = fc.letrec<{ filter: object }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      field.map(([name, condition]) => ({ [name]: condition })),
      fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map(($and) => ({ $and })),
      fc.array(tie('filter'), { minLength: 1, maxLength: 3 }).map(($or) => ({ $or })),
      tie('filter').map(($not) => ({ $not })),
    ),
  }));
  return filter;
}

/** The meaning of a filter, said again as plainly as can be. */
function holds(filter: object, row: Row): boolean {
  return Object.entries(filter).every(([name, value]) => {
    if (name === '$and') return (value as object[]).every((part) => holds(part, row));
    if (name === '$or') return (value as object[]).some((part) => holds(part, row));
    if (name === '$not') return !holds(value as object, row);
    const stored =
      name === 'type'
        ? row.type
        : name === 'document_id'
          ? row.id
          : name === 'source_uri'
            ? null
            : row.metadata[name.slice(9)];
    const isColumn = !name.startsWith('metadata.');
    const conditions = typeof value === 'object' ? Object.entries(value as object) : [['$eq', value] as const];
    return conditions.every(([operator, operand]) => {
      const list = (Array.isArray(stored) ? stored.filter((item) => typeof item === 'string') : [stored]) as unknown[];
      const same = (wanted: unknown) => list.some((item) => item === wanted || (item === 0 && wanted === 0));
      const compare = (test: (order: number) => boolean) =>
        list.some(
          (item) =>
            typeof item === typeof operand &&
            item !== null &&
            test(
              typeof item === 'string'
                ? Buffer.compare(Buffer.from(item), Buffer.from(operand as string))
                : Math.sign((item as number) - (operand as number)),
            ),
        );
      switch (operator) {
        case '$eq':
          return same(operand);
        case '$ne':
          return !same(operand);
        case '$in':
          return (operand as unknown[]).some(same);
        case '$nin':
          return !(operand as unknown[]).some(same);
        case '$gt':
          return compare((order) => order > 0);
        case '$gte':
          return compare((order) => order >= 0);
        case '$lt':
          return compare((order) => order < 0);
        case '$lte':
          return compare((order) => order <= 0);
        default:
          return (isColumn ? stored !== null : stored !== undefined) === operand;
      }
    });
  });
}
