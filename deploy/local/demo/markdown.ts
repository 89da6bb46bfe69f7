/** A link as written in a document: where it points, and on which line (from 1). */
export interface Link {
  line: number;
  text: string;
  target: string;
}

/** A heading, and the anchor that readers of the document reach it by. */
export interface Heading {
  line: number;
  level: number;
  text: string;
  anchor: string;
}

/** What was read of one Markdown document. */
export interface Outline {
  headings: Heading[];
  links: Link[];
  /** Anchors of headings and of `<a id>` / `<a name>`. */
  anchors: string[];
}

/** Headings, links and anchors of a Markdown text; what stands in code blocks, code spans and comments is not read. */
export function outlineOf(text: string): Outline {
  const lines = blankComments(text).split(/\r?\n/);
  const inCode = codeLines(lines);
  const outline: Outline = { headings: [], links: [], anchors: [] };
  const taken = new Map<string, number>();
  lines.forEach((raw, index) => {
    if (inCode.has(index)) return;
    const line = index + 1;
    const heading = headingAt(lines, index);
    if (heading) {
      const anchor = unique(slug(heading.text), taken);
      outline.headings.push({ line, ...heading, anchor });
      outline.anchors.push(anchor);
    }
    const prose = raw.replace(/(`+)(?!`).*?[^`]\1(?!`)/g, (span) => ' '.repeat(span.length));
    outline.links.push(...linksIn(prose).map((link) => ({ line, ...link })));
    for (const [, id = ''] of prose.matchAll(/<a\s[^>]*?\b(?:id|name)=["']([^"']+)["']/gi)) outline.anchors.push(id);
  });
  return outline;
}

function blankComments(text: string): string {
  return text.replace(/<!--[\s\S]*?-->/g, (comment) => comment.replace(/[^\n]/g, ' '));
}

/** The lines inside fences, the fences included. */
function codeLines(lines: string[]): Set<number> {
  const inside = new Set<number>();
  let fence: string | undefined;
  lines.forEach((line, index) => {
    const mark = /^\s*(?:>\s*)*(`{3,}|~{3,})(.*)$/.exec(line);
    if (fence !== undefined) inside.add(index);
    if (!mark) return;
    const [, marks = '', rest = ''] = mark;
    if (fence === undefined && !(marks.startsWith('`') && rest.includes('`'))) {
      fence = marks;
      inside.add(index);
    } else if (fence !== undefined && marks[0] === fence[0] && marks.length >= fence.length && rest.trim() === '') {
      fence = undefined;
    }
  });
  return inside;
}

function headingAt(lines: string[], index: number): { level: number; text: string } | undefined {
  const line = lines[index] ?? '';
  const atx = /^ {0,3}(#{1,6})(?:\s+(.*?))?(?:\s+#+)?\s*$/.exec(line);
  if (atx) return { level: (atx[1] ?? '').length, text: plain(atx[2] ?? '') };
  const under = /^ {0,3}(=+|-{2,})\s*$/.exec(lines[index + 1] ?? '');
  if (!under || line.trim() === '' || /^\s*([#|>*+-]|\d+[.)])/.test(line)) return undefined;
  return { level: under[1]?.startsWith('=') ? 1 : 2, text: plain(line.trim()) };
}

/** A heading as it is shown: links by their text, without marks. */
function plain(text: string): string {
  return text
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/<[^>]+>/g, '')
    .replace(/[`*]/g, '')
    .trim();
}

/** The anchor that GitHub and its like give a heading. */
export function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-');
}

function unique(anchor: string, taken: Map<string, number>): string {
  const before = taken.get(anchor);
  taken.set(anchor, (before ?? -1) + 1);
  return before === undefined ? anchor : `${anchor}-${before + 1}`;
}

function linksIn(prose: string): { text: string; target: string }[] {
  const links: { text: string; target: string }[] = [];
  for (const { index } of prose.matchAll(/\]\(/g)) {
    const target = targetAt(prose, index + 2);
    if (target !== undefined) links.push({ text: textBefore(prose, index), target });
  }
  const definition = /^ {0,3}\[([^\]^][^\]]*)\]:\s*<?([^\s>]+)>?/.exec(prose);
  if (definition) links.push({ text: definition[1] ?? '', target: definition[2] ?? '' });
  for (const [, target = ''] of prose.matchAll(/<((?:https?|mailto):[^\s<>]+)>/g)) links.push({ text: target, target });
  for (const [, target = ''] of prose.matchAll(/<(?:a|img)\s[^>]*?\b(?:href|src)=["']([^"']+)["']/gi)) {
    links.push({ text: '', target });
  }
  return links;
}

/** The destination after `](`: in angle brackets, or up to a space or the bracket that closes it. */
function targetAt(prose: string, start: number): string | undefined {
  const rest = prose.slice(start).trimStart();
  if (rest.startsWith('<')) return /^<([^>]*)>/.exec(rest)?.[1];
  let depth = 0;
  for (let end = 0; end < rest.length; end++) {
    const char = rest[end];
    if (char === '(') depth++;
    if ((char === ')' && depth-- === 0) || char === ' ') return rest.slice(0, end);
  }
  return undefined;
}

function textBefore(prose: string, end: number): string {
  let depth = 0;
  for (let start = end - 1; start >= 0; start--) {
    if (prose[start] === ']') depth++;
    if (prose[start] === '[' && depth-- === 0) return prose.slice(start + 1, end);
  }
  return '';
}
