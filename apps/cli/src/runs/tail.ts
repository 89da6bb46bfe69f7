import { isRunspineError, type Run } from '@runspine/client';
import { setTimeout as wait } from 'node:timers/promises';
import type { Session } from '../session.js';
import { sendLeftovers } from './leftovers.js';
import { noRuns } from './list.js';
import { type FilterOptions, filterOf } from './run-filters.js';
import { runTable } from './run-table.js';

export interface TailOptions extends FilterOptions {
  readonly lines: number;
  readonly follow?: boolean;
  /** Seconds between two looks. */
  readonly interval: number;
}

/** Runs of one look; more than these at once would be seen at the next. */
const LOOK_MAX = 200;
/** Open runs beyond the newest that are still watched. */
const WATCHED_MAX = 50;

/** The latest runs, the newest last; with `follow` each again when its status changes. */
export async function tailRuns(session: Session, options: TailOptions): Promise<void> {
  const { client, call, json, terminal } = session;
  await sendLeftovers(session);
  const runs = (
    await client.runs.list({ ...filterOf(options), limit: options.lines }, call).first(options.lines)
  ).reverse();
  if (json) for (const run of runs) terminal.printJsonLine(run);
  else if (runs.length > 0) terminal.print(...runTable(terminal, runs));
  else noRuns(session, options);
  if (options.follow) await follow(session, options, runs);
}

async function follow(session: Session, options: TailOptions, shown: readonly Run[]): Promise<void> {
  const { io, json, terminal } = session;
  const known = new Map(shown.map((run) => [run.run_id, lookOf(run)]));
  let first = shown.length === 0;
  let since = shown[0]?.created_at ?? new Date().toISOString();
  let away = false;
  while (!io.signal.aborted) {
    try {
      const runs = await look(session, options, since, known);
      if (away) terminal.note(terminal.colours.dim('The gateway is back.'));
      away = false;
      for (const run of runs) {
        if (known.get(run.run_id) === lookOf(run)) continue;
        known.set(run.run_id, lookOf(run));
        if (json) terminal.printJsonLine(run);
        else terminal.print(...runTable(terminal, [run]).slice(first ? 0 : 1));
        first = false;
      }
      since = forget(known, runs, since);
    } catch (error) {
      if (io.signal.aborted) return;
      if (!isRunspineError(error) || !error.retryable) throw error;
      if (!away) terminal.note(terminal.colours.yellow(`${error.message} Trying on.`));
      away = true;
    }
    await wait(options.interval * 1000, undefined, { signal: io.signal }).catch(() => undefined);
  }
}

/** The newest runs, oldest first, and those that were open when they were last seen. */
async function look(
  { client, call }: Session,
  options: TailOptions,
  since: string,
  known: ReadonlyMap<string, string>,
): Promise<Run[]> {
  const filter = { ...filterOf(options), since };
  const newest = await client.runs.list({ ...filter, limit: LOOK_MAX }, call).first(LOOK_MAX);
  const there = new Set(newest.map(({ run_id: id }) => id));
  const open = [...known].filter(([id, seen]) => !there.has(id) && /^(created|running)/.test(seen)).slice(-WATCHED_MAX);
  const older = await Promise.all(open.map(([id]) => client.runs.get(id, call)));
  return [...older, ...newest.reverse()];
}

/** Keeps what is remembered bounded. @returns from when on to look */
function forget(known: Map<string, string>, runs: readonly Run[], since: string): string {
  if (known.size < 2 * LOOK_MAX) return since;
  const kept = runs.slice(-LOOK_MAX);
  const ids = new Set(kept.map(({ run_id: id }) => id));
  for (const [id, seen] of known) if (!ids.has(id) && !/^(created|running)/.test(seen)) known.delete(id);
  return kept[0]?.created_at ?? since;
}

/** What of a run makes a line of its own when it changes. */
function lookOf({ status, stalled }: Run): string {
  return `${status}${stalled ? ' stalled' : ''}`;
}
