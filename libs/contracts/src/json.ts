import canonicalizeJson from 'canonicalize';

/** A fault of an input: where (JSON pointer, or an attribute's name) and what. */
export interface Fault {
  path: string;
  message: string;
}

/** Deepest nesting of arrays and objects that is accepted. */
export const JSON_DEPTH_MAX = 64;
/** Largest `data` of one event, in bytes of its JSON text as UTF-8. */
export const EVENT_DATA_BYTES_MAX = 256 * 1024;

/** Longest path in a fault, in UTF-16 units; it may hold a producer's own keys. */
const PATH_LENGTH_MAX = 256;
/**
 * Escapes of NUL and of surrogates, and numbers that may reach past what a double holds: an exponent of three digits, or
 * so many digits before one of two.
 */
const RISKY = /\\u(?:0000|[dD][89a-fA-F])|\d[eE]\+?\d{3}|\d{200}/;

/**
 * The JSON Canonicalization Scheme of RFC 8785: one text for equal values, whatever their key order.
 * @throws Error for values that JSON cannot hold (NaN, Infinity, lone surrogates).
 */
export function canonicalize(value: unknown): string {
  const ordered = inOrder(value);
  return (ordered === UNKNOWN ? canonicalizeJson(value) : JSON.stringify(ordered)) ?? 'null';
}

/** What is left to the library: it may throw. */
const UNKNOWN = Symbol();

/**
 * The value with its keys in canonical order, itself where they are. JSON.stringify then writes the canonical form, which
 * differs by the order of keys alone: RFC 8785 takes numbers and strings from ECMAScript. Many times faster than the
 * library, which does the rest: keys that look like integers come first whatever their text, and `__proto__` is none.
 */
function inOrder(value: unknown): unknown {
  if (typeof value === 'string') return value.isWellFormed() ? value : UNKNOWN;
  if (typeof value === 'number') return Number.isFinite(value) ? value : UNKNOWN;
  if (typeof value === 'boolean' || value === null) return value;
  if (Array.isArray(value)) return itemsInOrder(value);
  if (typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return UNKNOWN;
  const members = value as Record<string, unknown>;
  const keys = Object.keys(members);
  let same = true;
  for (let index = 0; index < keys.length; index += 1) {
    const key = keys[index]!;
    if (isDigit(key.charCodeAt(0)) || key === '__proto__' || key === 'toJSON' || !key.isWellFormed()) return UNKNOWN;
    if (index > 0 && key < keys[index - 1]!) same = false;
  }
  if (!same) keys.sort();
  const ordered: Record<string, unknown> = {};
  for (const key of keys) {
    const member = inOrder(members[key]);
    if (member === UNKNOWN) return UNKNOWN;
    if (member !== members[key]) same = false;
    ordered[key] = member;
  }
  return same ? value : ordered;
}

function itemsInOrder(items: unknown[]): unknown {
  const ordered = items.map(inOrder);
  if (ordered.includes(UNKNOWN)) return UNKNOWN;
  return ordered.some((item, index) => item !== items[index]) ? ordered : items;
}

/**
 * Bytes of a value's JSON text without white space, as UTF-8: what {@link EVENT_DATA_BYTES_MAX} limits. The same number
 * for the canonical text. Only for values that {@link findUnstorable} passed: deep ones overflow the stack.
 */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? 'null');
}

/**
 * What PostgreSQL's JSON types cannot keep, or readers cannot bear: NUL characters, lone surrogates, numbers beyond a
 * double's range (JSON.parse makes them Infinity), nesting beyond {@link JSON_DEPTH_MAX}. `text` is the JSON text that
 * `value` was parsed from; it lets short values skip the walk. Returns the first fault, or undefined.
 */
export function findUnstorable(value: unknown, text?: string): Fault | undefined {
  if (text !== undefined && !RISKY.test(text) && (text.length < 2 * JSON_DEPTH_MAX || !nestsDeeper(value, 0))) {
    return undefined;
  }
  const fault = walk(value, 0);
  return fault && { path: boundedPath(fault.path), message: fault.message };
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** The fault of one string, or undefined. */
export function stringFault(value: string): string | undefined {
  if (value.includes('\u0000')) return 'must not contain NUL characters';
  if (!value.isWellFormed()) return 'must not contain a lone surrogate';
  return undefined;
}

/** A fault's path as it may be shown and sent on: at most 256 characters and an ellipsis, without lone surrogates. */
export function boundedPath(path: string): string {
  const cut = path.length > PATH_LENGTH_MAX ? `${path.slice(0, PATH_LENGTH_MAX)}…` : path;
  return cut.replaceAll('\u0000', '\ufffd').toWellFormed();
}

/** True where something lies below the deepest level that is accepted. */
function nestsDeeper(value: unknown, depth: number): boolean {
  if (value === null || typeof value !== 'object') return false;
  if (depth >= JSON_DEPTH_MAX) return true;
  if (Array.isArray(value)) return value.some((item) => nestsDeeper(item, depth + 1));
  for (const key in value) if (nestsDeeper((value as Record<string, unknown>)[key], depth + 1)) return true;
  return false;
}

/** Paths are put together on the way back, so that a value without faults pays nothing for them. */
function walk(value: unknown, depth: number): Fault | undefined {
  if (typeof value === 'string') {
    const message = stringFault(value);
    return message === undefined ? undefined : { path: '', message };
  }
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return { path: '', message: 'must be a number that a double holds' };
  }
  if (value === null || typeof value !== 'object') return undefined;
  if (depth >= JSON_DEPTH_MAX) return { path: '', message: `must not nest deeper than ${JSON_DEPTH_MAX} levels` };
  return Array.isArray(value) ? walkArray(value, depth) : walkObject(value as Record<string, unknown>, depth);
}

function walkArray(items: unknown[], depth: number): Fault | undefined {
  for (let index = 0; index < items.length; index++) {
    const fault = walk(items[index], depth + 1);
    if (fault) return { path: `/${index}${fault.path}`, message: fault.message };
  }
  return undefined;
}

function walkObject(object: Record<string, unknown>, depth: number): Fault | undefined {
  for (const key in object) {
    const message = stringFault(key);
    if (message !== undefined) return { path: '', message: `has a key that ${message}` };
    const fault = walk(object[key], depth + 1);
    if (fault) {
      return { path: `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}${fault.path}`, message: fault.message };
    }
  }
  return undefined;
}
