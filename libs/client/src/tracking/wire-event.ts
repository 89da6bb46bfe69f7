import { newEventId } from '../ids.js';
import type { Metrics } from '../resources/run-types.js';

/** An event on its way to the gateway. */
export interface WireEvent {
  readonly runId: string;
  readonly type: string;
  /** What the batch takes: `{"id","type","time","data"}` as JSON text, its data with the run's id. */
  readonly text: string;
  /** Headers of the request that creates a run. */
  readonly correlationId?: string | undefined;
  readonly traceparent?: string | undefined;
}

/** A line of a spool file or an exported log; documented in the README of this package. */
export interface SpooledLine {
  id: string;
  type: string;
  time: string;
  data: { run_id: string; [name: string]: unknown };
  correlation_id?: string;
  traceparent?: string;
}

/** Makes an event, with an id of its own, once: whoever sends it again sends the same. */
export function wireEvent(
  runId: string,
  type: string,
  atMs: number,
  data: Record<string, unknown>,
  context: Pick<WireEvent, 'correlationId' | 'traceparent'> = {},
): WireEvent {
  const time = new Date(atMs).toISOString();
  const text = JSON.stringify({ id: newEventId(atMs), type, time, data: { run_id: runId, ...data } });
  return { runId, type, text, ...context };
}

/** The line of a spool file, without its end. */
export function lineOf({ text, correlationId, traceparent }: WireEvent): string {
  const more = {
    ...(correlationId === undefined ? {} : { correlation_id: correlationId }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  const extra = JSON.stringify(more);
  return extra === '{}' ? text : `${text.slice(0, -1)},${extra.slice(1)}`;
}

/** The event of a line, or undefined where it is none: cut off, or not of this form. */
export function eventOfLine(line: string): WireEvent | undefined {
  let read: Partial<SpooledLine> | null;
  try {
    read = JSON.parse(line) as Partial<SpooledLine> | null;
  } catch {
    return undefined;
  }
  if (typeof read !== 'object' || read === null) return undefined;
  const { id, type, time, data, correlation_id: correlationId, traceparent } = read;
  if (typeof id !== 'string' || typeof type !== 'string' || typeof data?.run_id !== 'string') return undefined;
  const text = JSON.stringify({ id, type, ...(typeof time === 'string' ? { time } : {}), data });
  return { runId: data.run_id, type, text, correlationId, traceparent };
}

/** Text that a field takes: at most `max` characters, and never empty. */
export function clipped(value: unknown, max: number): string {
  const text = typeof value === 'string' ? value : String(value);
  const whole = text.slice(0, max).toWellFormed().replaceAll('\u0000', '\ufffd');
  return whole === '' ? '-' : whole;
}

/** A count that a field takes, or undefined. */
export function countOf(value: unknown): number | undefined {
  const whole = Math.round(Number(value));
  return typeof value === 'number' && whole >= 0 && Number.isSafeInteger(whole) ? whole : undefined;
}

const COUNTS = ['rows_in', 'rows_out', 'llm_calls', 'tokens', 'tokens_in', 'tokens_out'] as const;

/** Metrics that the gateway takes: what is no count of its kind is left out, further fields stay. */
export function metricsOf(given: unknown): Metrics | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  const metrics: Metrics = { ...(given as Metrics) };
  for (const name of COUNTS) {
    const count = countOf(metrics[name]);
    if (count === undefined) delete metrics[name];
    else metrics[name] = count;
  }
  const cost = metrics.cost_usd;
  if (typeof cost !== 'number' || !(cost >= 0 && cost <= 1e12)) delete metrics.cost_usd;
  return Object.keys(metrics).length === 0 ? undefined : metrics;
}
