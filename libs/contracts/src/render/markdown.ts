/** A table of Markdown. Cells keep their own markup; bars and line ends in them are made safe. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `| ${head.map(() => '---').join(' | ')} |`, ...rows.map(line)].join('\n');
}

/** A block of code. */
export function block(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

/** A word in the type of code. */
export function code(text: string | number): string {
  return `\`${text}\``;
}

/** Joins the parts of a page by empty lines, and ends it with a line end. */
export function page(...parts: readonly string[]): string {
  return `${parts.join('\n\n')}\n`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
