import stringWidth from 'string-width';

/** Columns that a text takes on a terminal; colours take none. */
export const widthOf: (text: string) => number = stringWidth;

/**
 * Text of others, safe for a terminal: what would move its cursor, change its colours or its title is left out, and lines
 * become one.
 */
export function clean(text: unknown): string {
  return cleanLines(text).replaceAll('\n', ' ');
}

/** As {@link clean}, with its lines kept. */
export function cleanLines(text: unknown): string {
  return (
    String(text)
      .replace(/\r\n?/g, '\n')
      .replaceAll('\t', '  ')
      // Control characters, but for the ends of lines.
      .replace(/[^\P{Cc}\n]/gu, '')
      // Marks that turn the direction of writing could make an id read as another.
      .replace(/[\u202a-\u202e\u2066-\u2069\u200e\u200f\u2028\u2029]/gu, '')
  );
}

/** At most `width` columns of a plain text, with `mark` where it was cut. */
export function truncated(text: string, width: number, mark = '…'): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let columns = widthOf(mark);
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    columns += widthOf(segment);
    if (columns > width) break;
    kept += segment;
  }
  return width < widthOf(mark) ? '' : kept + mark;
}

/** A plain text in lines of at most `width` columns: broken between words, and inside what is longer than a line. */
export function wrapped(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => (widthOf(line) <= width ? [line] : wrappedLine(line, width)));
}

function wrappedLine(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = /^ */.exec(text)![0].slice(0, Math.floor(width / 2));
  const indent = line;
  for (const word of text.trimStart().split(/ +/)) {
    const joined = line === indent ? line + word : `${line} ${word}`;
    if (widthOf(joined) <= width) {
      line = joined;
      continue;
    }
    if (line !== indent) lines.push(line);
    const pieces = piecesOf(word, width - indent.length);
    lines.push(...pieces.slice(0, -1).map((piece) => indent + piece));
    line = indent + pieces.at(-1)!;
  }
  return [...lines, line];
}

function piecesOf(word: string, width: number): string[] {
  const pieces = [''];
  for (const { segment } of new Intl.Segmenter().segment(word)) {
    const last = pieces.at(-1)!;
    if (widthOf(last + segment) <= width || last === '') pieces[pieces.length - 1] = last + segment;
    else pieces.push(segment);
  }
  return pieces;
}

/** `text` filled with spaces to `width` columns. */
export function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}
