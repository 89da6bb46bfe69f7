import { usage } from '../failures.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long something took, for people: 0.4 ms, 350 ms, 1.2 s, 1m 20s, 2h 05m, 3d 4h. */
export function durationText(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return '';
  if (ms < 0) return `-${durationText(-ms)}`;
  if (ms === 0) return '0 ms';
  if (ms < 1) return '<1 ms';
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9.95 * SECOND) return `${(ms / SECOND).toFixed(1)} s`;
  const seconds = Math.round(ms / SECOND);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${two(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h ${two(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

/** When something was, as people say it: 12s ago, 3h ago, 4d ago. */
export function agoText(time: string | null | undefined, nowMs: number): string {
  if (!time) return '';
  const ms = nowMs - Date.parse(time);
  if (Number.isNaN(ms)) return '';
  if (ms < -SECOND) return `in ${spanText(-ms)}`;
  return ms < SECOND ? 'now' : `${spanText(ms)} ago`;
}

function spanText(ms: number): string {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)}s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}m`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)}h`;
  if (ms < 365 * DAY) return `${Math.floor(ms / DAY)}d`;
  return `${Math.floor(ms / (365 * DAY))}y`;
}

/** The time on the clock of this machine, with its offset: 2026-01-31 13:00:00 +01:00. */
export function clockText(time: string | null | undefined): string {
  if (!time || Number.isNaN(Date.parse(time))) return '';
  const at = new Date(time);
  const offset = -at.getTimezoneOffset();
  const sign = offset < 0 ? '-' : '+';
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `${day} ${clock} ${sign}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
}

/** Relative and absolute: 3h ago (2026-01-31 13:00:00 +01:00). */
export function whenText(time: string | null | undefined, nowMs: number): string {
  const clock = clockText(time);
  return clock === '' ? '' : `${agoText(time, nowMs)} (${clock})`;
}

const UNITS: Readonly<Record<string, number>> = { s: SECOND, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY };

/** RFC 3339 of `7d`, `24h`, `30m`, `45s`, `2w` before now, of a date, or of a time as it is. */
export function timeOf(given: string, nowMs: number): string {
  const [, count, unit] = /^(\d{1,6})([smhdw])$/.exec(given.trim()) ?? [];
  if (count !== undefined) return new Date(nowMs - Number(count) * UNITS[unit!]!).toISOString();
  const ms = /^\d{4}-\d{2}-\d{2}/.test(given) ? Date.parse(given) : Number.NaN;
  if (Number.isNaN(ms)) throw usage(`${given} is no time.`, 'Such as 7d, 24h, 30m, 2026-01-31 or 2026-01-31T12:00:00Z');
  return new Date(ms).toISOString();
}

/** 1234567 as 1,234,567. */
export function countText(count: number | null | undefined): string {
  if (count === null || count === undefined) return '';
  const [whole, fraction] = String(count).split('.');
  const grouped = whole!.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction.slice(0, 2)}`;
}

/** 1 run, 2 runs. */
export function counted(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** US dollars; small amounts keep what is not zero. */
export function costText(usd: number | null | undefined): string {
  if (usd === null || usd === undefined) return '';
  return usd === 0 || Math.abs(usd) >= 0.1 ? `$${usd.toFixed(2)}` : `$${Number(usd.toPrecision(2))}`;
}

export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${['', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`;
}

export function percentText(share: number): string {
  return share === 0 || share === 1 || share >= 0.1 ? `${Math.round(share * 100)} %` : `${(share * 100).toFixed(1)} %`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
