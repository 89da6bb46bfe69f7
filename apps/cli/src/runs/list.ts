import type { Run } from '@runspine/client';
import type { Session } from '../session.js';
import { sendLeftovers } from './leftovers.js';
import { type FilterOptions, filterOf, isFiltered } from './run-filters.js';
import { findRun } from './run-ids.js';
import { runTable } from './run-table.js';

export interface ListOptions extends FilterOptions {
  readonly limit: number;
  readonly page?: number;
  readonly cursor?: string;
  readonly all?: boolean;
}

const PAGE_MAX = 200;

/** Runs, newest first: a page of them, or all. */
export async function listRuns(session: Session, options: ListOptions): Promise<void> {
  const { client, call, terminal, json } = session;
  await sendLeftovers(session);
  const parent = options.parent === undefined ? undefined : (await findRun(session, options.parent)).run_id;
  const filter = filterOf({ ...options, ...(parent === undefined ? {} : { parent }) });
  if (options.all && json) {
    for await (const run of client.runs.list({ ...filter, limit: PAGE_MAX }, call)) terminal.printJsonLine(run);
    return;
  }
  const limit = options.all ? PAGE_MAX : options.limit;
  const pages = client.runs.list({ ...filter, limit }, call);
  if (options.all) return show(session, options, await pages.first(Number.POSITIVE_INFINITY));
  let page = await pages.page(options.cursor);
  for (let at = 1; at < (options.page ?? 1) && page.next_cursor !== null; at++)
    page = await pages.page(page.next_cursor);
  if (json) {
    for (const run of page.items) terminal.printJsonLine(run);
    if (page.next_cursor !== null) terminal.note(JSON.stringify({ next_cursor: page.next_cursor }));
    return;
  }
  show(session, options, page.items);
  if (page.next_cursor === null) return;
  terminal.note(
    terminal.colours.dim(`There are more: --page ${(options.page ?? 1) + 1}, --limit ${limit * 5}, or --all`),
  );
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
