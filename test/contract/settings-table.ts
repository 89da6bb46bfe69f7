import type { Setting, SettingsDefinition } from '@runspine/service';

/** The settings of processes as rows of docs/operations.md: one a variable, with those who read it. */
export function settingsTable(processes: Record<string, SettingsDefinition>): string[][] {
  const settings = new Map<string, { setting: Setting<unknown>; readers: string[] }>();
  for (const [process, definition] of Object.entries(processes)) {
    for (const setting of Object.values(definition)) {
      const known = settings.get(setting.name);
      if (known) known.readers.push(process);
      else settings.set(setting.name, { setting, readers: [process] });
    }
  }
  const rows = [...settings.values()].map(({ setting, readers }) => [
    `\`${setting.name}\``,
    readers.length === Object.keys(processes).length ? 'all' : readers.join(', '),
    setting.required ? 'required' : (setting.defaultText ?? '(none)') + (setting.unit ? ` ${setting.unit}` : ''),
    setting.wants,
    setting.doc,
  ]);
  return [['variable', 'read by', 'default', 'takes', 'what it does'], ...rows];
}

/** Rows as a Markdown table. */
export function markdownTable([head = [], ...rows]: string[][]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(escapeCell).join(' | ')} |`).join('\n');
}

/** The cells of a Markdown table, without its padding and its rule. */
export function cellsOf(table: string): string[][] {
  return table
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^[|\s:-]+$/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll('\\|', '|')),
    );
}

function escapeCell(cell: string): string {
  return cell.replaceAll('|', '\\|').replace(/(?<![`\\])\*/g, '\\*');
}
