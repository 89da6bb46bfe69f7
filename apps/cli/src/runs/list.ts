import type { Run } from '@runspine/client';
import { limitOf, type PageOptions, showPages } from '../output/pages.js';
import type { Session } from '../session.js';
import { sendLeftovers } from './leftovers.js';
import { type FilterOptions, filterOf, isFiltered } from './run-filters.js';
import { findRun } from './run-ids.js';
import { runTable } from './run-table.js';

export type ListOptions = FilterOptions & PageOptions;

/** Runs, newest first: a page of them, or all. */
export async function listRuns(session: Session, options: ListOptions): Promise<void> {
  const { client, call } = session;
  await sendLeftovers(session);
  const parent = options.parent === undefined ? undefined : (await findRun(session, options.parent)).run_id;
  const filter = filterOf({ ...options, ...(parent === undefined ? {} : { parent }) });
  const pages = client.runs.list({ ...filter, limit: limitOf(options) }, call);
  return showPages(session, pages, options, (runs) => show(session, options, runs));
}

function show(session: Session, options: ListOptions, runs: readonly Run[]): void {
  if (runs.length === 0) return noRuns(session, options);
  session.terminal.print(...runTable(session.terminal, runs));
}

/** Nothing to show: says where was looked, and how there would be something. */
export function noRuns({ terminal, settings }: Session, options: FilterOptions): void {
  const where = `tenant ${settings.tenant}, env ${settings.env}`;
  if (isFiltered(options)) {
    terminal.note(`No run fits in ${where}.`, 'With fewer filters: runspine runs list');
    return;
  }
  terminal.note(
    `There are no runs yet in ${where}.`,
    'To record one: trackRun of @runspine/client, or POST /v1/runs. Elsewhere: --tenant, --env, --address',
  );
}
