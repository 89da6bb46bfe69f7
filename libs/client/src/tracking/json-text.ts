/** Deepest nesting that an event's value may have: the gateway takes 64 levels of data, and ours is inside some. */
const DEPTH_MAX = 60;
/** Largest text of one value of an event, in bytes: the gateway takes 256 KiB of data. */
export const VALUE_BYTES_MAX = 200 * 1024;
/** Largest text of a value beside another, such as the metadata of a run. */
export const SIDE_VALUE_BYTES_MAX = 20 * 1024;
const PREVIEW_CHARS = 1000;

/**
 * The JSON text of anything, as a store can keep it. Never throws: what JSON has no form for is written as text, cycles
 * and what is nested too deep are cut, NUL characters and lone surrogates are replaced.
 */
export function jsonText(value: unknown): string {
  return storable(plainText(value), value);
}

/** A parsed value, or in its place a note of its size where it is too large for an event. */
export function boundedValue(value: unknown, bytesMax = VALUE_BYTES_MAX): unknown {
  if (value === undefined) return undefined;
  const text = JSON.stringify(value) ?? 'null';
  // A UTF-16 unit is at most 3 bytes of UTF-8.
  if (text.length * 3 <= bytesMax) return value;
  const bytes = Buffer.byteLength(text);
  if (bytes <= bytesMax) return value;
  return { truncated: true, bytes, preview: text.slice(0, PREVIEW_CHARS).toWellFormed() };
}

function plainText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch {
    // A cycle, a BigInt, or a getter that throws.
  }
  try {
    return JSON.stringify(copyOf(value, new Set())) ?? 'null';
  } catch (error) {
    return JSON.stringify({ unserialisable: messageOf(error) });
  }
}

/** JSON.stringify writes a lone surrogate and NUL as escapes, and everything else as itself. */
const ESCAPES = /\\\\|\\u0000|\\ud[89a-f][0-9a-f]{2}/g;

function storable(text: string, value: unknown): string {
  const whole = text.includes('\\u')
    ? text.replace(ESCAPES, (escape) => (escape === '\\\\' ? escape : '\\ufffd'))
    : text;
  if (whole.length < 2 * DEPTH_MAX || !tooDeep(whole)) return whole;
  const cut = JSON.stringify(copyOf(JSON.parse(whole), new Set())) ?? 'null';
  return cut === whole ? JSON.stringify({ unserialisable: typeof value }) : cut;
}

function tooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 0x5c) index++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > DEPTH_MAX) return true;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return false;
}

/** A copy that JSON can hold. */
function copyOf(value: unknown, above: Set<object>): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (above.has(value)) return '[circular]';
  if (above.size >= DEPTH_MAX) return '[deeper]';
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return copyOf(toJSON.call(value), above);
  above.add(value);
  const copy = Array.isArray(value)
    ? value.map((item) => copyOf(item, above))
    : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copyOf(item, above)]));
  above.delete(value);
  return copy;
}

/** What an error says, whatever was thrown. */
export function messageOf(error: unknown): string {
  try {
    if (error instanceof Error) return error.message || error.name;
    return typeof error === 'string' ? error : String(error);
  } catch {
    return 'unknown';
  }
}
