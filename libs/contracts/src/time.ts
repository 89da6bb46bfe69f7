import { TIME_AHEAD_MS_MAX } from './ids.js';

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;
/** Of `2026-01-31T12:00:00.000Z`. */
const OWN_LENGTH = 24;
const NOT_A_TIME = { message: 'must be an RFC 3339 time, such as 2026-01-31T12:00:00.000Z' };

/**
 * An RFC 3339 time as UTC with milliseconds, or why it is not one. It lies in 1970 or later, and at most 24 h ahead of
 * `nowMs`. Up to nine fraction digits are read; what is finer than a millisecond is cut off.
 */
export function normalizeTime(value: string, nowMs: number): { time: string } | { message: string } {
  const own = ownForm(value, nowMs);
  if (own) return own;
  const match = RFC_3339.exec(value);
  if (!match) return NOT_A_TIME;
  const ms = Date.parse(value.toUpperCase());
  // Date.parse takes the 30th of February for the 2nd of March.
  if (Number.isNaN(ms) || Number(match[3]) > daysOf(Number(match[1]), Number(match[2]))) return NOT_A_TIME;
  if (ms > nowMs + TIME_AHEAD_MS_MAX) return { message: 'must not be more than 24 h ahead' };
  if (ms < 0) return { message: 'must not be before 1970' };
  return { time: new Date(ms).toISOString() };
}

/** A time that is written as we write it, which most are, needs no second look: it is what its instant is written as. */
function ownForm(value: string, nowMs: number): { time: string } | undefined {
  if (value.length !== OWN_LENGTH) return undefined;
  const ms = Date.parse(value);
  if (!(ms >= 0 && ms <= nowMs + TIME_AHEAD_MS_MAX)) return undefined;
  return new Date(ms).toISOString() === value ? { time: value } : undefined;
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
