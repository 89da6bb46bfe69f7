import { COLUMN, sqlText } from '../spaces/space-schema.js';

/**
 * The typed expressions that filters compile to: the one place where a caller's values become part of a predicate, and
 * each enters as a literal of its type. LanceDB's predicates have no parameters, no CASE, and end the process when they
 * nest too deeply: whoever puts them together bounds them.
 */

/** A predicate that holds for no row. */
export const NOTHING = 'false';

/** Parts joined by one operator; parentheses around more than one. */
export function joined(operator: 'AND' | 'OR', parts: readonly string[]): string {
  return parts.length === 1 ? (parts[0] as string) : `(${parts.join(` ${operator} `)})`;
}

/** The condition with unknown taken as false, or its opposite. */
export function holds(condition: string, negated: boolean): string {
  return `${negated ? 'NOT ' : ''}coalesce(${condition}, false)`;
}

export function isOneOf(expression: string, literals: readonly string[]): string {
  if (literals.length === 0) return NOTHING;
  return literals.length === 1 ? `${expression} = ${literals[0]}` : `${expression} IN (${literals.join(', ')})`;
}

export const text = sqlText;

/** A finite number as a double. */
export function number(value: number): string {
  return `CAST('${Object.is(value, -0) ? 0 : value}' AS DOUBLE)`;
}

/** Milliseconds since 1970, an integer, as a point in time. */
export function time(ms: number): string {
  return `to_timestamp_millis(${ms})`;
}

/** JSON text of a metadata field's value; null where there is none. */
export function metadataJson(key: string): string {
  return `json_extract(${COLUMN.metadataJson}, ${sqlText(`$.${quoted(key)}`)})`;
}

/** A metadata field as a number; null where it is anything else: JSON text of a text begins with a quote. */
export function metadataNumber(key: string): string {
  return `TRY_CAST(${metadataJson(key)} AS DOUBLE)`;
}

export function metadataExists(key: string): string {
  return `json_exists(${COLUMN.metadataJson}, ${sqlText(`$.${quoted(key)}`)})`;
}

/** A metadata field is one of these texts, or a list that has one. */
export function metadataTextIn(key: string, texts: readonly string[]): string {
  return metadataTextWhere(key, texts.map(textEquals).join(' || '));
}

export function metadataTextOrdered(key: string, operator: '>' | '>=' | '<' | '<=', value: string): string {
  if (value !== '') return metadataTextWhere(key, `@ ${operator} ${quoted(value)}`);
  // The path language has no empty text. All but it are at least NUL, which is the least text of one character.
  if (operator === '<') return NOTHING;
  if (operator === '<=') return metadataTextWhere(key, `@ < ${LEAST_TEXT}`);
  if (operator === '>') return metadataTextWhere(key, `@ >= ${LEAST_TEXT}`);
  return metadataTextWhere(key, `@ < ${LEAST_TEXT} || @ >= ${LEAST_TEXT}`);
}

const LEAST_TEXT = '"\\u0000"';

function textEquals(value: string): string {
  return value === '' ? `@ < ${LEAST_TEXT}` : `@ == ${quoted(value)}`;
}

/**
 * The condition is asked of each item of a list by itself, and of a single value as if it were a list of one. Asked of
 * the list as a whole, the path language gives up at the first item that is no text.
 */
function metadataTextWhere(key: string, condition: string): string {
  return `json_exists(${COLUMN.metadataJson}, ${sqlText(`$.${quoted(key)}[*] ? (${condition})`)})`;
}

/** A name or text of the path language: JSON's form, read back character by character. */
function quoted(value: string): string {
  return JSON.stringify(value);
}
