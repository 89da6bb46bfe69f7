import { createHash, type Hash } from 'node:crypto';

/** Most rows of a list that a sampled fingerprint reads. */
export const SAMPLE_ROWS_MAX = 1000;
/** Deepest nesting that is read; deeper has no fingerprint. */
const DEPTH_MAX = 200;

/** What has no canonical text: functions, symbols, promises, streams, cycles. */
export class NotCanonical extends Error {}

/**
 * The canonical text of a value: RFC 8785 for what JSON can hold, whatever the order of keys. What JSON cannot hold is
 * written as an object with one key, such as `{"$date":"2026-01-31T12:00:00.000Z"}`, so that different values have
 * different texts. Of a list longer than `rowsMax`, evenly spaced items and its length stand for it.
 * @throws NotCanonical
 */
export function canonicalText(value: unknown, rowsMax = Infinity): string {
  return textOf(value, rowsMax, []);
}

/** `sha256:` and hex of the canonical text; a long list is not put together in memory first. */
export function canonicalHash(value: unknown, rowsMax = Infinity): string {
  const hash = createHash('sha256');
  if (Array.isArray(value) && value.length <= rowsMax) hashList(hash, value, rowsMax);
  else hash.update(canonicalText(value, rowsMax));
  return `sha256:${hash.digest('hex')}`;
}

function hashList(hash: Hash, items: readonly unknown[], rowsMax: number): void {
  hash.update('[');
  for (let index = 0; index < items.length; index++) {
    hash.update(`${index === 0 ? '' : ','}${textOf(items[index], rowsMax, [items])}`);
  }
  hash.update(']');
}

function textOf(value: unknown, rowsMax: number, above: readonly object[]): string {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'number':
      return Number.isFinite(value) ? JSON.stringify(value) : `{"$number":"${value}"}`;
    case 'bigint':
      return `{"$bigint":"${value}"}`;
    case 'undefined':
      return '{"$undefined":true}';
    case 'object':
      return value === null ? 'null' : objectText(value, rowsMax, above);
    default:
      throw new NotCanonical(`a ${typeof value} has no fingerprint`);
  }
}

function objectText(value: object, rowsMax: number, above: readonly object[]): string {
  if (above.includes(value)) throw new NotCanonical('a value that contains itself has no fingerprint');
  if (above.length > DEPTH_MAX) throw new NotCanonical(`more than ${DEPTH_MAX} levels have no fingerprint`);
  const inside = [...above, value];
  const text = (item: unknown) => textOf(item, rowsMax, inside);
  if (Array.isArray(value)) return listText(value, rowsMax, text);
  if (value instanceof Date) return `{"$date":${JSON.stringify(value.toISOString())}}`;
  if (value instanceof Map)
    return `{"$map":[${[...value].map(([key, item]) => `[${text(key)},${text(item)}]`).join(',')}]}`;
  if (value instanceof Set) return `{"$set":[${[...value].map(text).join(',')}]}`;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return bytesText(value);
  if (value instanceof RegExp || value instanceof URL) return `{"$text":${JSON.stringify(String(value))}}`;
  if (value instanceof Error) return `{"$error":${JSON.stringify(`${value.name}: ${value.message}`)}}`;
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return text(toJSON.call(value));
  if (isOpaque(value)) throw new NotCanonical('what can be read only once has no fingerprint');
  if (hidesAll(value)) throw new NotCanonical('an object that shows nothing of itself has no fingerprint');
  return recordText(value as Record<string, unknown>, text);
}

function hidesAll(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype !== Object.prototype && prototype !== null && Object.keys(value).length === 0;
}

/** RFC 8785: keys in the order of their UTF-16 units, which is how JavaScript compares text. */
function recordText(record: Record<string, unknown>, text: (item: unknown) => string): string {
  const members: string[] = [];
  for (const key of Object.keys(record).sort()) {
    const value = record[key];
    if (value !== undefined) members.push(`${JSON.stringify(key)}:${text(value)}`);
  }
  return `{${members.join(',')}}`;
}

function listText(items: readonly unknown[], rowsMax: number, text: (item: unknown) => string): string {
  if (items.length <= rowsMax) return `[${Array.from(items, text).join(',')}]`;
  const rows: string[] = [];
  for (let row = 0; row < rowsMax; row++)
    rows.push(text(items[Math.floor((row * (items.length - 1)) / (rowsMax - 1))]));
  return `{"$rows":${items.length},"$sample":[${rows.join(',')}]}`;
}

function bytesText(value: ArrayBufferView | ArrayBuffer): string {
  const bytes = ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(value);
  const hash = createHash('sha256').update(bytes).digest('hex');
  return `{"$bytes":"${hash}","$length":${bytes.length},"$type":"${value.constructor.name}"}`;
}

function isOpaque(value: object): boolean {
  const { then, pipe, next } = value as Record<string, unknown>;
  return (
    typeof then === 'function' ||
    typeof pipe === 'function' ||
    typeof next === 'function' ||
    Symbol.asyncIterator in value ||
    value instanceof WeakMap ||
    value instanceof WeakSet ||
    value instanceof WeakRef
  );
}

/** How strictly a value is held against JSON. */
export type JsonFidelity =
  /** JSON gives it back as it is. Only such an output may stand for a stage that is not run. */
  | 'exact'
  /** JSON shows it, with dates as text and gaps left out; objects of classes, which may hold anything, are not shown. */
  | 'shown';

/** Whether a value is plain objects and lists of text, numbers, booleans and null, as far as `fidelity` asks. */
export function isPlainJson(value: unknown, fidelity: JsonFidelity = 'exact', depth = 0): boolean {
  const shown = fidelity === 'shown';
  if (value === null || typeof value === 'boolean') return true;
  if (typeof value === 'string') return shown || (value.isWellFormed() && !value.includes('\u0000'));
  if (typeof value === 'number') return shown || (Number.isFinite(value) && !Object.is(value, -0));
  if (typeof value !== 'object') return shown && (value === undefined || typeof value === 'bigint');
  if (depth >= 60) return false;
  if (Array.isArray(value)) return Array.from(value).every((item) => isPlainJson(item, fidelity, depth + 1));
  if (shown && value instanceof Date) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  if (Object.getOwnPropertySymbols(value).length > 0 || 'toJSON' in value) return false;
  return Object.entries(value).every(
    ([key, item]) => isPlainJson(key, fidelity) && isPlainJson(item, fidelity, depth + 1),
  );
}
