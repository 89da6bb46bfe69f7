import type { Run } from '@runspine/client';
import { EXIT, Failure, usage } from '../failures.js';
import { clean } from '../output/text.js';
import { agoText } from '../output/units.js';
import type { Session } from '../session.js';
import { sendLeftovers } from './leftovers.js';

const HEX = 32;
/** Hex digits of the time in an id. */
const TIME_HEX = 12;
/** What lists show of an id at least: its time, and enough of its affinity to tell it from its children. */
const SHOWN_HEX = 16;
const CANDIDATES_MAX = 2000;
/** A run's own time may differ from the one in its id by so much and still be found by a prefix. */
const SKEW_MS = 10 * 60_000;

/** Ids cut to the shortest length that tells these apart. */
export function shortIds(ids: readonly string[]): Map<string, string> {
  const all = [...new Set(ids)];
  const sorted = all.toSorted();
  const shared = (a: string, b: string | undefined) => {
    let at = 0;
    while (b !== undefined && at < a.length && a[at] === b[at]) at++;
    return at;
  };
  return new Map(
    sorted.map((id, at) => {
      const unique = Math.max(shared(id, sorted[at - 1]), shared(id, sorted[at + 1])) + 1;
      const prefix = id.indexOf('_') + 1;
      return [id, id.slice(0, Math.max(unique, prefix + SHOWN_HEX))];
    }),
  );
}

/**
 * The run that a person means: its id, the beginning of it (with or without `run_`), `latest`, or `failed` for the
 * latest that failed.
 */
export async function findRun(session: Session, given: string): Promise<Run> {
  const { client, call } = session;
  if (given === 'latest' || given === 'failed') return newestRun(session, given);
  const prefix = /^(?:run_)?([0-9a-f]{0,32})$/.exec(given.trim().toLowerCase())?.[1];
  if (prefix === undefined || prefix === '') {
    throw usage(
      `${clean(given)} is no id of a run.`,
      'An id is run_ and 32 hex digits; its beginning is enough. Or: latest, failed',
      '`runspine runs list` shows ids.',
    );
  }
  if (prefix.length === HEX) return client.runs.get(`run_${prefix}`, call);
  const { matches, whole } = await candidates(session, prefix);
  if (matches.length === 1 && whole) return client.runs.get(matches[0]!.run_id, call);
  if (matches.length === 0) throw notFound(session, given, whole);
  throw ambiguous(session, given, matches, whole);
}

async function newestRun(session: Session, given: 'latest' | 'failed'): Promise<Run> {
  const { client, call } = session;
  await sendLeftovers(session);
  const [run] = await client.runs
    .list(given === 'failed' ? { status: 'failed', limit: 1 } : { limit: 1 }, call)
    .first(1);
  if (run) return run;
  const { tenant, env } = session.settings;
  throw new Failure('cli.no_runs', given === 'failed' ? 'No run failed.' : 'There are no runs yet.', EXIT.notFound, [
    `Looked in tenant ${tenant}, env ${env}.`,
  ]);
}

/** The id begins with the run's time, so that a prefix says when to look. */
async function candidates(session: Session, prefix: string): Promise<{ matches: Run[]; whole: boolean }> {
  const time = prefix.slice(0, TIME_HEX);
  const fromMs = Number.parseInt(time.padEnd(TIME_HEX, '0'), 16);
  const toMs = Number.parseInt(time.padEnd(TIME_HEX, 'f'), 16);
  const near = await matching(session, prefix, { since: dateText(fromMs - SKEW_MS), until: dateText(toMs + SKEW_MS) });
  if (near.matches.length > 0 || !near.whole) return near;
  // The id of a caller's own making may have another time than its run.
  return matching(session, prefix, {});
}

async function matching(
  { client, call }: Session,
  prefix: string,
  window: { since?: string; until?: string },
): Promise<{ matches: Run[]; whole: boolean }> {
  const matches: Run[] = [];
  let seen = 0;
  for await (const run of client.runs.list({ ...window, limit: 200 }, call)) {
    if (run.run_id.startsWith(`run_${prefix}`)) matches.push(run);
    seen += 1;
    if (seen >= CANDIDATES_MAX) return { matches, whole: false };
  }
  return { matches, whole: true };
}

function dateText(ms: number): string {
  return new Date(Math.min(Math.max(ms, 0), Date.UTC(9999, 0))).toISOString();
}

function notFound({ settings }: Session, given: string, whole: boolean): Failure {
  const { tenant, env } = settings;
  const hints = whole
    ? [`\`runspine runs list\` shows the runs of tenant ${tenant}, env ${env}.`]
    : [`It is not among the newest ${CANDIDATES_MAX}: give more of it.`];
  return new Failure('run.not_found', `There is no run with an id that begins with ${given}.`, EXIT.notFound, hints);
}

function ambiguous({ terminal }: Session, given: string, matches: readonly Run[], whole: boolean): Failure {
  const some = matches
    .slice(0, 8)
    .map(
      ({ run_id: id, name, status, created_at: at }) =>
        `${id}  ${status}  ${clean(name ?? '')}  ${agoText(at, Date.now())}`,
    );
  const more = matches.length > some.length ? [`${terminal.signs.cut} and ${matches.length - some.length} more`] : [];
  const message = whole
    ? `${given} is the beginning of ${matches.length} runs. Give more of the id:`
    : `${given} is the beginning of too many ids. Give more of it:`;
  const details = { candidates: matches.map(({ run_id: id }) => id) };
  return new Failure('cli.ambiguous_id', message, EXIT.usage, [...some, ...more], details);
}

/** A run, and an event of it where `@N` says one. */
export function splitAt(given: string): { id: string; at: number | undefined } {
  const [, id, at] = /^([^@]+)(?:@(\d{1,9}))?$/.exec(given) ?? [];
  if (id === undefined) throw usage(`${clean(given)} is neither a run nor RUN@N.`, 'Such as run_019c13ec9e00@4');
  return { id, at: at === undefined ? undefined : Number(at) };
}
