import type { EntityManager, EntitySchema, ObjectLiteral, SelectQueryBuilder } from 'typeorm';

/** Whose data, and which of their environments. */
export interface Scope {
  tenantId: string;
  env: string;
}

/** A page of a list, and where the next one begins; null at the end. */
export interface Page<Item, Position> {
  items: Item[];
  next: Position | null;
}

/**
 * A query of an entity's columns, under the alias `it`. Its `getRawMany` gives plain rows as the pool's type parsers
 * make them: times as RFC 3339 text, 64-bit integers as numbers.
 */
export function selectRows<Row extends ObjectLiteral>(
  tx: EntityManager,
  entity: EntitySchema<Row>,
  columns: readonly (keyof Row & string)[] = Object.keys(entity.options.columns),
): SelectQueryBuilder<Row> {
  const query = tx.createQueryBuilder(entity, 'it').select([]);
  for (const column of columns) query.addSelect(`it.${column}`, column);
  return query;
}

/** The first `limit` of rows that were asked for with one more, and the position of the last when there is more. */
export function pageOf<Row, Item, Position>(
  rows: Row[],
  limit: number,
  itemOf: (row: Row) => Item,
  positionOf: (row: Row) => Position,
): Page<Item, Position> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(itemOf), next: rows.length > limit && last !== undefined ? positionOf(last) : null };
}
