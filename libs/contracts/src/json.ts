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
/** Escapes of NUL and of surrogates, and exponents that may reach past what a double holds. */
const RISKY = /\\u(?:0000|[dD][89a-fA-F])|\d[eE]\+?\d{3}/;

/**
 * The JSON Canonicalization Scheme of RFC 8785: one text for equal values, whatever their key order.
 * @throws Error for values that JSON cannot hold (NaN, Infinity, lone surrogates).
 */
export function canonicalize(value: unknown): string {
  return canonicalizeJson(value) ?? 'null';
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
  if (text !== undefined && text.length < 2 * JSON_DEPTH_MAX && !RISKY.test(text)) return undefined;
  const fault = walk(value, 0);
  return fault && { path: boundedPath(fault.path), message: fault.message };
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
