import { isPlainJson } from './canonical.js';
import { messageOf, VALUE_BYTES_MAX } from './json-text.js';

/** Largest input or task output that is recorded whole, in characters of its JSON. */
const INPUT_CHARS_MAX = 16 * 1024;
const FIRST_ROW_CHARS_MAX = 2000;

/**
 * What is recorded of an input: itself where it is small and plain, else how much of it there is. Never throws. Objects
 * of classes stay where they are: a connection would tell its password.
 */
export function inputPayload(input: unknown): unknown {
  try {
    if (input === undefined) return undefined;
    return isWithin(input, INPUT_CHARS_MAX) && isPlainJson(input, 'shown') ? input : summaryOf(input);
  } catch (error) {
    return { unserialisable: messageOf(error) };
  }
}

/**
 * What is recorded of an output: itself where JSON gives it back as it is and an event holds it, so that it may stand for
 * the stage another time; else, under another name, how much of it there was. Never throws.
 */
export function outputPayload(output: unknown): { output?: unknown; output_preview?: unknown } {
  try {
    if (output === undefined) return {};
    // A character of JSON may be three bytes.
    if (!isWithin(output, VALUE_BYTES_MAX / 3)) return { output_preview: summaryOf(output) };
    if (isPlainJson(output)) return { output };
    return { output_preview: isPlainJson(output, 'shown') ? output : summaryOf(output) };
  } catch (error) {
    return { output_preview: { unserialisable: messageOf(error) } };
  }
}

/** Rows of a list; undefined for anything else. Never throws. */
export function rowsOf(value: unknown): number | undefined {
  try {
    if (Array.isArray(value)) return value.length;
    return value instanceof Set || value instanceof Map ? value.size : undefined;
  } catch {
    return undefined;
  }
}

function summaryOf(value: unknown): unknown {
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  return {
    summarised: true,
    ...(rowsOf(value) === undefined
      ? { keys: Object.keys(Object(value) as object).slice(0, 50) }
      : { rows: rowsOf(value) }),
    ...(first !== undefined && isWithin(first, FIRST_ROW_CHARS_MAX) && isPlainJson(first, 'shown') ? { first } : {}),
  };
}

/** Whether the JSON of a value is at most about `charsMax` long; looks no further than that. */
function isWithin(value: unknown, charsMax: number): boolean {
  let left = charsMax;
  const above = new Set<object>();
  const take = (item: unknown): boolean => {
    left -= typeof item === 'string' ? item.length + 2 : 5;
    if (left < 0) return false;
    if (typeof item !== 'object' || item === null) return true;
    if (ArrayBuffer.isView(item)) return item.byteLength * 4 <= left;
    if (above.has(item) || above.size > 200) return true;
    above.add(item);
    const fits = Array.isArray(item)
      ? item.every(take)
      : Object.entries(item).every(([key, member]) => take(key) && take(member));
    above.delete(item);
    return fits;
  };
  return take(value);
}
