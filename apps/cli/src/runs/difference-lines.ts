import { preview } from '../output/fields.js';
import type { Terminal } from '../output/terminal.js';
import { clean } from '../output/text.js';
import { durationText } from '../output/units.js';
import { comparableStep, type Difference, differencesOf, type StepPair } from './differences.js';

/** A difference: its path, then what it was and what it is. */
export function differenceLines(terminal: Terminal, room: number, differences: readonly Difference[]): string[] {
  const { red, green, bold } = terminal.colours;
  return differences.flatMap(({ path, before, after }) => [
    bold(clean(path)),
    ...(before === undefined || before === null ? [] : [red(`  - ${preview(terminal, before, room - 4)}`)]),
    ...(after === undefined || after === null ? [] : [green(`  + ${preview(terminal, after, room - 4)}`)]),
  ]);
}

/** A step took long beside another from this factor on, and where it is more than this. */
const SLOWER = { factor: 2, ms: 100 };

/** How the steps of two runs differ; nothing for steps that do not. */
export function stepDifferenceLines(terminal: Terminal, room: number, pairs: readonly StepPair[]): string[] {
  const { red, green, yellow, bold } = terminal.colours;
  return pairs.flatMap(({ name, before, after }) => {
    const label = clean(name);
    if (!before) return [green(`+ ${label}: only in the second`)];
    if (!after) return [red(`- ${label}: only in the first`)];
    const changed = differencesOf(comparableStep(before), comparableStep(after));
    const [a, b] = [before.duration_ms, after.duration_ms];
    const timed =
      a !== null && b !== null && Math.abs(a - b) > SLOWER.ms && Math.max(a, b) > SLOWER.factor * Math.min(a, b)
        ? [yellow(`  took ${durationText(a)}, then ${durationText(b)}`)]
        : [];
    if (changed.length === 0 && timed.length === 0) return [];
    const inside = differenceLines(terminal, room - 2, changed).map((line) => `  ${line}`);
    return [bold(label), ...inside, ...timed];
  });
}
