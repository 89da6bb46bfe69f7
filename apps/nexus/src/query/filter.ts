import { boundedPath, normalizeTime, ServiceError } from '@runspine/contracts';
import { COLUMN } from '../spaces/space-schema.js';
import * as sql from './filter-sql.js';

/** Deepest nesting of `$and`, `$or` and `$not`. */
export const FILTER_DEPTH_MAX = 8;
/** Most comparisons of one filter. */
export const FILTER_CONDITIONS_MAX = 256;
/** Most values of one `$in` or `$nin`. */
export const FILTER_VALUES_MAX = 1000;
/** Most values of all `$in` and `$nin` of one filter: each row is compared with all of them. */
export const FILTER_VALUES_TOTAL_MAX = 2000;
/** Longest name of a metadata field, and longest text that is compared with, in UTF-16 units. */
export const FILTER_NAME_LENGTH_MAX = 256;
export const FILTER_TEXT_LENGTH_MAX = 4096;
/** Times that filters name may lie in any year of four digits. */
const END_OF_TIME_MS = Date.UTC(9999, 11, 31);

const METADATA = 'metadata.';
const TEXT_COLUMNS = new Map([
  ['type', COLUMN.type],
  ['document_id', COLUMN.documentId],
  ['source_uri', COLUMN.sourceUri],
]);
const ORDER = { $gt: '>', $gte: '>=', $lt: '<', $lte: '<=' } as const;

/** What a filter names: a column of text, the column of time, or a top-level key of the metadata. */
type Field = { kind: 'text'; column: string } | { kind: 'time'; column: string } | { kind: 'metadata'; key: string };

/**
 * A filter as one predicate of the table, or undefined for one that leaves everything in.
 *
 * Every comparison is true or false, never unknown: one with a field that is missing, null or of another type is
 * false. So `$ne`, `$nin` and `$not` are the exact opposites of `$eq`, `$in` and of what they negate, and match rows
 * without the field (as MongoDB's and Chroma's do); add `$exists` to leave those out. A list in the metadata matches
 * where one of its texts does (as Pinecone's), whatever else is in it; numbers and booleans are compared with single
 * values. Texts are ordered by code point. The keys of one object are joined by and.
 * @throws ServiceError `nexus.filter_invalid`: details.path says where it is not understood.
 */
export function compileFilter(filter: unknown): string | undefined {
  const compiler = new FilterCompiler();
  if (isObject(filter) && Object.keys(filter).length === 0) return undefined;
  return compiler.filter(filter, 'filter', 0, false);
}

class FilterCompiler {
  private conditions = 0;
  private values = 0;

  /** Negation is pushed down to the comparisons, which keeps the predicate's nesting that of the filter. */
  filter(filter: unknown, path: string, depth: number, negated: boolean): string {
    if (!isObject(filter)) throw invalid(path, 'must be an object');
    const entries = Object.entries(filter);
    if (entries.length === 0) throw invalid(path, 'must name a field or an operator');
    const parts = entries.map(([name, value]) => this.entry(name, value, `${path}.${name}`, depth, negated));
    return sql.joined(negated ? 'OR' : 'AND', parts);
  }

  private entry(name: string, value: unknown, path: string, depth: number, negated: boolean): string {
    if (name === '$and' || name === '$or') {
      if (!Array.isArray(value) || value.length === 0) throw invalid(path, 'must be a list of filters, not empty');
      if (value.length > FILTER_CONDITIONS_MAX) throw invalid(path, `must have at most ${FILTER_CONDITIONS_MAX}`);
      const inner = this.deeper(depth, path);
      const parts = value.map((item, index) => this.filter(item, `${path}[${index}]`, inner, negated));
      return sql.joined((name === '$and') === negated ? 'OR' : 'AND', parts);
    }
    if (name === '$not') return this.filter(value, path, this.deeper(depth, path), !negated);
    if (name.startsWith('$')) throw invalid(path, 'is not an operator that stands here');
    return this.field(fieldOf(name, path), value, path, depth, negated);
  }

  /** `{field: value}` is `{field: {$eq: value}}`; several operators are joined by and. */
  private field(field: Field, value: unknown, path: string, depth: number, negated: boolean): string {
    if (!isObject(value)) return this.condition(field, '$eq', value, path, negated);
    const entries = Object.entries(value);
    if (entries.length === 0) throw invalid(path, 'must have an operator');
    const parts = entries.map(([operator, operand]) => {
      const at = `${path}.${operator}`;
      if (operator !== '$not') return this.condition(field, operator, operand, at, negated);
      if (!isObject(operand)) throw invalid(at, 'must be an object of operators');
      return this.field(field, operand, at, this.deeper(depth, at), !negated);
    });
    return sql.joined(negated ? 'OR' : 'AND', parts);
  }

  private condition(field: Field, operator: string, operand: unknown, path: string, negated: boolean): string {
    if (++this.conditions > FILTER_CONDITIONS_MAX) {
      throw invalid('filter', `must have at most ${FILTER_CONDITIONS_MAX} comparisons`);
    }
    if (Array.isArray(operand) && (this.values += operand.length) > FILTER_VALUES_TOTAL_MAX) {
      throw invalid('filter', `must have at most ${FILTER_VALUES_TOTAL_MAX} values in all lists together`);
    }
    switch (operator) {
      case '$eq':
        return sql.holds(equals(field, [operand], path), negated);
      case '$ne':
        return sql.holds(equals(field, [operand], path), !negated);
      case '$in':
        return sql.holds(equals(field, valuesOf(operand, path), path), negated);
      case '$nin':
        return sql.holds(equals(field, valuesOf(operand, path), path), !negated);
      case '$gt':
      case '$gte':
      case '$lt':
      case '$lte':
        return sql.holds(ordered(field, ORDER[operator], operand, path), negated);
      case '$exists':
        if (typeof operand !== 'boolean') throw invalid(path, 'must be true or false');
        return sql.holds(exists(field), operand === negated);
      default:
        throw invalid(path, 'is not an operator: $eq, $ne, $in, $nin, $gt, $gte, $lt, $lte, $exists, $not are');
    }
  }

  private deeper(depth: number, path: string): number {
    if (depth >= FILTER_DEPTH_MAX) throw invalid(path, `must not nest deeper than ${FILTER_DEPTH_MAX} levels`);
    return depth + 1;
  }
}

function fieldOf(name: string, path: string): Field {
  const column = TEXT_COLUMNS.get(name);
  if (column !== undefined) return { kind: 'text', column };
  if (name === 'occurred_at') return { kind: 'time', column: COLUMN.occurredAt };
  if (!name.startsWith(METADATA)) {
    throw invalid(path, 'is no field: type, document_id, source_uri, occurred_at and metadata.key are');
  }
  const key = name.slice(METADATA.length);
  if (key === '' || key.length > FILTER_NAME_LENGTH_MAX || !key.isWellFormed()) {
    throw invalid(path, `must name a key of 1 to ${FILTER_NAME_LENGTH_MAX} characters`);
  }
  return { kind: 'metadata', key };
}

function equals(field: Field, operands: readonly unknown[], path: string): string {
  if (field.kind === 'text') {
    return sql.isOneOf(
      field.column,
      operands.map((operand) => sql.text(textOf(operand, path))),
    );
  }
  if (field.kind === 'time') {
    return sql.isOneOf(
      field.column,
      operands.map((operand) => sql.time(timeOf(operand, path))),
    );
  }
  const texts: string[] = [];
  const numbers: string[] = [];
  const booleans: string[] = [];
  for (const operand of operands) {
    if (typeof operand === 'number') numbers.push(sql.number(numberOf(operand, path)));
    else if (typeof operand === 'boolean') booleans.push(sql.text(String(operand)));
    else texts.push(textOf(operand, path, 'must be text, a number or a boolean'));
  }
  const parts: string[] = [];
  if (texts.length > 0) parts.push(sql.metadataTextIn(field.key, texts));
  if (numbers.length > 0) parts.push(sql.isOneOf(sql.metadataNumber(field.key), numbers));
  if (booleans.length > 0) parts.push(sql.isOneOf(sql.metadataJson(field.key), booleans));
  return parts.length === 0
    ? sql.NOTHING
    : sql.joined(
        'OR',
        parts.map((part) => sql.holds(part, false)),
      );
}

function ordered(field: Field, operator: '>' | '>=' | '<' | '<=', operand: unknown, path: string): string {
  if (field.kind === 'text') return `${field.column} ${operator} ${sql.text(textOf(operand, path))}`;
  if (field.kind === 'time') return `${field.column} ${operator} ${sql.time(timeOf(operand, path))}`;
  if (typeof operand === 'number') {
    return `${sql.metadataNumber(field.key)} ${operator} ${sql.number(numberOf(operand, path))}`;
  }
  return sql.metadataTextOrdered(field.key, operator, textOf(operand, path, 'must be text or a number'));
}

function exists(field: Field): string {
  return field.kind === 'metadata' ? sql.metadataExists(field.key) : `${field.column} IS NOT NULL`;
}

function valuesOf(operand: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(operand)) throw invalid(path, 'must be a list of values');
  if (operand.length > FILTER_VALUES_MAX) throw invalid(path, `must have at most ${FILTER_VALUES_MAX} values`);
  return operand;
}

function textOf(operand: unknown, path: string, otherwise = 'must be text'): string {
  if (typeof operand !== 'string') throw invalid(path, otherwise);
  if (operand.length > FILTER_TEXT_LENGTH_MAX) {
    throw invalid(path, `must have at most ${FILTER_TEXT_LENGTH_MAX} characters`);
  }
  if (!operand.isWellFormed()) throw invalid(path, 'must not contain a lone surrogate');
  return operand;
}

function numberOf(operand: number, path: string): number {
  if (!Number.isFinite(operand)) throw invalid(path, 'must be a finite number');
  return operand;
}

function timeOf(operand: unknown, path: string): number {
  const read = normalizeTime(textOf(operand, path, 'must be an RFC 3339 time'), END_OF_TIME_MS);
  if ('message' in read) throw invalid(path, read.message);
  return Date.parse(read.time);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(path: string, message: string): ServiceError {
  const at = boundedPath(path);
  return new ServiceError('nexus.filter_invalid', `${at} ${message}`, { path: at, message });
}
