import type { Pages } from '@runspine/client';
import { Option } from 'commander';
import { wholeNumber } from '../command.js';
import type { Session } from '../session.js';

/** Which part of a list is shown. */
export interface PageOptions {
  /** Items of a page. */
  readonly limit: number;
  readonly page?: number;
  readonly cursor?: string;
  readonly all?: boolean;
}

/** Most items that the gateway gives at once. */
const PAGE_MAX = 200;

/** The options of a list. */
export function pageOptions(items: string): Option[] {
  return [
    new Option('--limit <count>', `${items} of a page`).argParser(wholeNumber(1, PAGE_MAX)).default(20),
    new Option('--page <number>', 'which page').argParser(wholeNumber(1, 1000)),
    new Option('--cursor <cursor>', 'the page that a next_cursor of --json leads to'),
    new Option('--all', 'every page'),
  ];
}

/** What a page is asked for by. */
export const limitOf = ({ limit, all }: PageOptions): number => (all ? PAGE_MAX : limit);

/** Shows a page of a list, or all of it, and says how there is more. With `--json` a line an item. */
export async function showPages<T>(
  { terminal, json }: Session,
  pages: Pages<T>,
  options: PageOptions,
  show: (items: readonly T[]) => void,
): Promise<void> {
  if (options.all) {
    if (!json) return show(await pages.first(Number.POSITIVE_INFINITY));
    for await (const item of pages) terminal.printJsonLine(item);
    return;
  }
  let page = await pages.page(options.cursor);
  for (let at = 1; at < (options.page ?? 1) && page.next_cursor !== null; at++)
    page = await pages.page(page.next_cursor);
  if (json) {
    for (const item of page.items) terminal.printJsonLine(item);
    if (page.next_cursor !== null) terminal.note(JSON.stringify({ next_cursor: page.next_cursor }));
    return;
  }
  show(page.items);
  if (page.next_cursor === null) return;
  const next = options.cursor === undefined ? `--page ${(options.page ?? 1) + 1}` : `--cursor ${page.next_cursor}`;
  const more = options.limit < PAGE_MAX ? [`--limit ${Math.min(PAGE_MAX, options.limit * 5)}`] : [];
  terminal.note(terminal.colours.dim(`There are more: ${[next, ...more, 'or --all'].join(', ')}`));
}
