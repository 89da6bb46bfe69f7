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

/** A time that is written as we write it, which most are, needs no second look. */
function ownForm(value: string, nowMs: number): { time: string } | undefined {
  const ms = epochMsOf(value);
  return ms !== undefined && ms >= 0 && ms <= nowMs + TIME_AHEAD_MS_MAX ? { time: value } : undefined;
}

/** The day that was read last, as a number of eight digits, and its milliseconds: most times are of today. */
let lastDay = -1;
let lastDayMs = 0;

/**
 * Unix milliseconds of a time as we write it, `2026-01-31T12:00:00.000Z`, and as `toISOString` would; undefined for any
 * other text, such as another form or the 30th of February. A fraction of the time of `Date.parse`, which knows no form
 * beforehand.
 */
export function epochMsOf(value: string): number | undefined {
  if (value.length !== OWN_LENGTH || value.charCodeAt(10) !== T || value.charCodeAt(23) !== Z) return undefined;
  if (value.charCodeAt(4) !== DASH || value.charCodeAt(7) !== DASH || value.charCodeAt(19) !== DOT) return undefined;
  if (value.charCodeAt(13) !== COLON || value.charCodeAt(16) !== COLON) return undefined;
  const day = (100 * digits(value, 0) + digits(value, 2)) * 10_000 + 100 * digits(value, 5) + digits(value, 8);
  const [hour, minute, second] = [digits(value, 11), digits(value, 14), digits(value, 17)];
  const ms = 10 * digits(value, 20) + digit(value, 22);
  if (!(day >= 0 && hour < 24 && minute < 60 && second < 60 && ms >= 0)) return undefined;
  if (day !== lastDay) {
    const [year, month, date] = [Math.floor(day / 10_000), Math.floor(day / 100) % 100, day % 100];
    if (month < 1 || month > 12 || date < 1 || date > daysOf(year, month)) return undefined;
    lastDayMs = Date.parse(`${value.slice(0, 10)}T00:00:00.000Z`);
    lastDay = day;
  }
  return lastDayMs + ((hour * 60 + minute) * 60 + second) * 1000 + ms;
}

const [T, Z, DASH, DOT, COLON, ZERO] = [84, 90, 45, 46, 58, 48];

/** Of two digits; NaN where one is none. */
function digits(value: string, at: number): number {
  return 10 * digit(value, at) + digit(value, at + 1);
}

function digit(value: string, at: number): number {
  const of = value.charCodeAt(at) - ZERO;
  return of >= 0 && of <= 9 ? of : Number.NaN;
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
