import fc from 'fast-check';
import { type FilteredRow, NASTY } from './filtered-rows.fixture.js';

/** Filters of every operator over the rows' own values and others. */
export function anyFilter(): fc.Arbitrary<object> {
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
export function holds(filter: object, row: FilteredRow): boolean {
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
