import Table from 'cli-table3';
import type { Terminal } from './terminal.js';
import { clean, truncated, widthOf } from './text.js';

/** A column of a table. */
export interface Column<T> {
  readonly title: string;
  value(item: T): string;
  /** Colours the text, after it is cut to its width. */
  paint?(text: string, item: T): string;
  readonly right?: boolean;
  /** May be cut to this many columns where the terminal is narrow. */
  readonly min?: number;
}

const NO_LINES = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' },
};

/** Columns without lines around them. On a terminal no row is wider than it; in a pipe nothing is cut. */
export function tableLines<T>(terminal: Terminal, columns: readonly Column<T>[], items: readonly T[]): string[] {
  const cells = items.map((item) => columns.map((column) => clean(column.value(item))));
  const widths = columns.map(({ title }, at) => Math.max(widthOf(title), ...cells.map((row) => widthOf(row[at]!))));
  shrink(columns, widths, terminal.width - 2 * (columns.length - 1));
  const table = new Table({
    chars: NO_LINES,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colWidths: widths,
    colAligns: columns.map(({ right }) => (right ? 'right' : 'left')),
    head: columns.map(({ title }, at) => terminal.colours.bold(truncated(title, widths[at]!, ''))),
  });
  cells.forEach((row, index) => {
    table.push(
      row.map((text, at) => {
        const cut = truncated(text, widths[at]!, terminal.signs.cut);
        return columns[at]!.paint?.(cut, items[index]!) ?? cut;
      }),
    );
  });
  return linesOf(table.toString());
}

/** Takes columns from the widest that may lose some, until all fit. */
function shrink<T>(columns: readonly Column<T>[], widths: number[], room: number): void {
  for (let over = sum(widths) - room; over > 0; over = sum(widths) - room) {
    const flexible = columns
      .map(({ min }, at) => ({ at, spare: min === undefined ? 0 : widths[at]! - min }))
      .filter(({ spare }) => spare > 0)
      .sort((a, b) => widths[b.at]! - widths[a.at]!);
    const widest = flexible[0];
    if (!widest) return;
    const next = flexible[1] ? widths[widest.at]! - widths[flexible[1].at]! : widest.spare;
    widths[widest.at]! -= Math.max(1, Math.min(over, widest.spare, next));
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** A titled box around lines; in a pipe its title and its lines, indented. */
export function panelLines(terminal: Terminal, title: string, lines: readonly string[]): string[] {
  if (!terminal.live) return [title, ...lines.map((line) => `  ${line}`.trimEnd()), ''];
  const width = terminal.panelWidth;
  const { dash } = terminal.signs;
  const corners = terminal.unicode
    ? { 'bottom-left': '╰', 'bottom-right': '╯', 'top-left': '╭', 'top-right': '╮', left: '│', right: '│' }
    : { 'bottom-left': '+', 'bottom-right': '+', 'top-left': '+', 'top-right': '+', left: '|', right: '|' };
  const table = new Table({
    chars: { ...corners, top: dash, bottom: dash, mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    style: { head: [], border: [] },
    colWidths: [width - 2],
  });
  table.push([lines.join('\n')]);
  const [, ...rest] = linesOf(table.toString());
  const { dim, bold } = terminal.colours;
  const rule = dash.repeat(Math.max(0, width - 5 - widthOf(title)));
  const top = `${dim(corners['top-left'] + dash)} ${bold(title)} ${dim(rule + corners['top-right'])}`;
  return [top, ...rest];
}

/** Columns inside a panel. */
export function panelRoom(terminal: Terminal): number {
  return terminal.live ? terminal.panelWidth - 4 : Number.POSITIVE_INFINITY;
}

function linesOf(text: string): string[] {
  return text.split('\n').map((line) => line.trimEnd());
}
