import type { ErrorInfo } from '@runspine/client';

interface Cause {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
}

/** What an error says of itself: `code: message`. */
export function errorText({ code, message, detail }: ErrorInfo): string {
  const { name } = (detail ?? {}) as Cause;
  const label = code ?? (typeof name === 'string' && name !== 'Error' ? name : undefined);
  return label === undefined || message.startsWith(label) ? message : `${label}: ${message}`;
}

/** The errors that led to an error, nearest first. */
export function causeTexts({ detail }: ErrorInfo): string[] {
  const { causes } = (detail ?? {}) as { causes?: unknown };
  if (!Array.isArray(causes)) return [];
  return (causes as Cause[]).map(({ name, message, code }) => {
    const label = typeof code === 'string' ? code : typeof name === 'string' && name !== 'Error' ? name : undefined;
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    return label === undefined || text.startsWith(label) ? text : `${label}: ${text}`;
  });
}

/** Where in the code it was thrown: the first frames of its stack that are not of Node or of packages. */
export function frames({ detail }: ErrorInfo, count: number): string[] {
  const { stack } = (detail ?? {}) as { stack?: unknown };
  if (typeof stack !== 'string') return [];
  const all = stack
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^at |^File "/.test(line));
  const own = all.filter((line) => !/node:|node_modules|client\/(cjs\/)?(dist|src)\//.test(line));
  return (own.length > 0 ? own : all).slice(0, count).map((line) => line.replace(/^at /, '').replace(/file:\/\//, ''));
}
