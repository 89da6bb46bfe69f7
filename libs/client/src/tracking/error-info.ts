import type { ErrorInfo } from '../resources/run-types.js';
import { jsonText, messageOf } from './json-text.js';

const CAUSES_MAX = 8;
const STACK_CHARS_MAX = 16_000;
const MESSAGE_CHARS_MAX = 16_000;

interface CauseInfo {
  name: string;
  message: string;
  code?: string;
  stack?: string;
}

/** What was thrown, as an event has it: message and code, and in `detail` its name, stack and causes. Never throws. */
export function errorInfoOf(error: unknown): ErrorInfo {
  try {
    const { name, message, code, stack } = oneOf(error);
    const causes = causesOf(error);
    const detail = { name, ...(stack === undefined ? {} : { stack }), ...(causes.length > 0 ? { causes } : {}) };
    return { ...(code === undefined ? {} : { code }), message, detail };
  } catch {
    return { message: messageOf(error).slice(0, MESSAGE_CHARS_MAX) };
  }
}

function causesOf(error: unknown): CauseInfo[] {
  const causes: CauseInfo[] = [];
  const seen = new Set<unknown>([error]);
  const next = nestedOf(error);
  for (let cause = next.shift(); cause !== undefined && causes.length < CAUSES_MAX; cause = next.shift()) {
    if (seen.has(cause)) continue;
    seen.add(cause);
    causes.push(oneOf(cause));
    next.push(...nestedOf(cause));
  }
  return causes;
}

function nestedOf(error: unknown): unknown[] {
  if (typeof error !== 'object' || error === null) return [];
  const { cause, errors } = error as { cause?: unknown; errors?: unknown };
  return [...(cause === undefined ? [] : [cause]), ...(Array.isArray(errors) ? errors.slice(0, CAUSES_MAX) : [])];
}

function oneOf(error: unknown): CauseInfo {
  if (typeof error !== 'object' || error === null) {
    return { name: typeof error, message: messageOf(error).slice(0, MESSAGE_CHARS_MAX) };
  }
  const { name, message, code, stack } = error as Record<string, unknown>;
  const said = typeof message === 'string' ? message : jsonText(error);
  const coded = typeof code === 'string' || typeof code === 'number' ? String(code).slice(0, 128) : '';
  return {
    name: typeof name === 'string' ? name.slice(0, 256) : 'Error',
    message: said.slice(0, MESSAGE_CHARS_MAX),
    ...(coded === '' ? {} : { code: coded }),
    ...(typeof stack === 'string' ? { stack: stack.slice(0, STACK_CHARS_MAX) } : {}),
  };
}
