import type { Terminal } from './terminal.js';
import { clean, cleanLines, padded, truncated, wrapped } from './text.js';

/** A named value of a panel; without a value it is left out. */
export type Field = readonly [name: string, value: string | null | undefined, paint?: (line: string) => string];

const NAME_WIDTH = 11;
const LINES_MAX = 12;

/** Names on the left, values beside them, broken where they are too long. */
export function fieldLines(terminal: Terminal, room: number, fields: readonly Field[]): string[] {
  const names = Math.max(NAME_WIDTH, ...fields.map(([name, value]) => (value ? name.length : 0)));
  return fields.flatMap(([name, value, paint = (line: string) => line]) => {
    if (value === null || value === undefined || value === '') return [];
    const lines = wrapped(cleanLines(value).trimEnd(), room - names - 1);
    const shown =
      lines.length > LINES_MAX ? [...lines.slice(0, LINES_MAX), `(${lines.length - LINES_MAX} more lines)`] : lines;
    return shown.map((line, at) => {
      const label = at === 0 ? terminal.colours.dim(padded(name, names)) : ' '.repeat(names);
      return `${label} ${paint(line)}`;
    });
  });
}

/** JSON in one line, at most `width` columns of it. */
export function preview(terminal: Terminal, value: unknown, width: number): string {
  if (value === undefined) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return truncated(clean(text), Math.min(width, 4000), terminal.signs.cut);
}

export function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || (typeof value === 'object' && Object.keys(value).length === 0);
}
