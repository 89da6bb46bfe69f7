/** A stretch of a text under one heading; the stretches of a text follow each other without a gap. */
export interface Section {
  readonly start: number;
  readonly end: number;
  /** The headings above it, outermost first. */
  readonly headings: readonly string[];
}

const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*\r?$/;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING_CHARS_MAX = 200;
const LOOKS_LIKE_MARKDOWN = /^ {0,3}(?:#{1,6}[ \t]+\S|`{3}|~{3})/m;

/** Whether a text has headings or fenced code as Markdown writes them. */
export function looksLikeMarkdown(text: string): boolean {
  return LOOKS_LIKE_MARKDOWN.test(text);
}

/**
 * The sections of a Markdown text: a new one at each `#` heading outside fenced code. A heading with nothing under it
 * but a deeper heading stays with that one, since alone it would be found and say nothing.
 */
export function* sectionsOf(text: string): Generator<Section> {
  const path: (string | undefined)[] = [];
  let open = { start: 0, headings: [] as string[], bare: false, level: 0 };
  let fence: string | undefined;
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline + 1;
    // Only the beginning of a line tells what it is, and a line can be as long as the text.
    const line = text.slice(start, Math.min(newline < 0 ? text.length : newline, start + 4 * HEADING_CHARS_MAX));
    const mark = FENCE.exec(line)?.[1];
    if (fence !== undefined) {
      if (mark?.startsWith(fence) && line.trim() === mark) fence = undefined;
    } else if (mark !== undefined) {
      fence = mark;
      open.bare = false;
    } else {
      const heading = HEADING.exec(line);
      if (heading) {
        const level = (heading[1] as string).length;
        path.length = level - 1;
        path[level - 1] = (heading[2] ?? '').slice(0, HEADING_CHARS_MAX).toWellFormed();
        const headings = path.filter((name) => name !== undefined && name !== '') as string[];
        const joins = open.bare && level > open.level;
        if (!joins && start > open.start) yield { start: open.start, end: start, headings: open.headings };
        open = { start: joins ? open.start : start, headings, bare: true, level };
      } else if (line.trim() !== '') open.bare = false;
    }
    start = end;
  }
  if (text.length > open.start) yield { start: open.start, end: text.length, headings: open.headings };
}
