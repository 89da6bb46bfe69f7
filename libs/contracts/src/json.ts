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

const RISKY_ESCAPE = /\\u(?:0000|[dD][89a-fA-F])/;

/**
 * The JSON Canonicalization Scheme of RFC 8785: one text for equal values, whatever their key order.
 * @throws Error for values that JSON cannot hold (NaN, Infinity).
 */
export function canonicalize(value: unknown): string {
  return canonicalizeJson(value) ?? 'null';
}

/**
 * What PostgreSQL's JSON types cannot keep, or readers cannot bear: NUL characters, lone surrogates, nesting beyond
 * {@link JSON_DEPTH_MAX}. `text` is the JSON text that `value` was parsed from; it lets most values skip the walk.
 * Returns the first fault, or undefined.
 */
export function findUnstorable(value: unknown, text?: string): Fault | undefined {
  if (text !== undefined && text.length < 2 * JSON_DEPTH_MAX && !RISKY_ESCAPE.test(text)) return undefined;
  return walk(value, '', 0);
}

/** The fault of one string, or undefined. */
export function stringFault(value: string): string | undefined {
  if (value.includes('\u0000')) return 'must not contain NUL characters';
  if (!value.isWellFormed()) return 'must not contain a lone surrogate';
  return undefined;
}

function walk(value: unknown, path: string, depth: number): Fault | undefined {
  if (typeof value === 'string') {
    const message = stringFault(value);
    return message === undefined ? undefined : { path, message };
  }
  if (value === null || typeof value !== 'object') return undefined;
  if (depth >= JSON_DEPTH_MAX) return { path, message: `must not nest deeper than ${JSON_DEPTH_MAX} levels` };
  for (const [key, item] of Object.entries(value)) {
    const message = stringFault(key);
    if (message !== undefined) return { path, message: `has a key that ${message}` };
    const fault = walk(item, `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, depth + 1);
    if (fault) return fault;
  }
  return undefined;
}
