import type { Chunking } from '@runspine/contracts';
import { looksLikeMarkdown, type Section, sectionsOf } from './sections.js';

/** A piece of a text. Offsets and sizes are UTF-16 code units, as JavaScript counts characters. */
export interface TextChunk {
  /** `text.slice(start, end)` of the whole text: white space around it is left out. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** The headings above it, outermost first; none unless the text was cut as Markdown. */
  readonly headings: readonly string[];
}

export const CHUNK_CHARS_DEFAULT = 1200;
export const OVERLAP_CHARS_DEFAULT = 120;

/** Sentences are looked for in windows, so that a text without line breaks takes no more memory than one with them. */
const WINDOW_CHARS = 32 * 1024;
const PARAGRAPH_END = /\n[ \t\r]*\n\s*/g;
const sentences = new Intl.Segmenter('en', { granularity: 'sentence' });

/** The smallest stretch that is not cut: a sentence, or of a sentence longer than a chunk a part. */
interface Atom {
  readonly start: number;
  readonly end: number;
  /** Whether a paragraph begins here: a better place for a cut than a sentence's beginning. */
  readonly opens: boolean;
}

/**
 * Cuts a text into chunks of at most `chunk_chars`, at headings (of Markdown), else paragraphs, else sentences, else
 * words. A chunk begins with up to `overlap_chars` of the one before, unless a heading parts them. All that is not white
 * space is in some chunk, and the same text gives the same chunks. (Libraries for this give no offsets into the text.)
 */
export function* chunksOf(text: string, chunking: Chunking = {}): Generator<TextChunk> {
  const size = chunking.chunk_chars ?? CHUNK_CHARS_DEFAULT;
  const overlap = Math.min(chunking.overlap_chars ?? OVERLAP_CHARS_DEFAULT, Math.floor(size / 2));
  const strategy = chunking.strategy ?? 'auto';
  const whole: Section = { start: 0, end: text.length, headings: [] };
  if (strategy === 'none') {
    const chunk = trimmed(text, whole.start, whole.end, whole.headings);
    if (chunk) yield chunk;
    return;
  }
  const markdown = strategy === 'markdown' || (strategy === 'auto' && looksLikeMarkdown(text));
  for (const section of markdown ? sectionsOf(text) : [whole]) yield* packed(text, section, size, overlap);
}

function* packed(text: string, section: Section, size: number, overlap: number): Generator<TextChunk> {
  let start = section.start;
  let atoms: Atom[] = [];
  for (const atom of atomsOf(text, section, size)) {
    while (atoms.length > 0 && atom.end - start > size) {
      const kept = cutOf(atoms, start, size);
      const end = atoms[kept - 1]?.end ?? atom.start;
      const chunk = trimmed(text, start, end, section.headings);
      if (chunk) yield chunk;
      atoms = atoms.slice(kept);
      const ahead = atom.end - end;
      start = overlapStart(text, { from: chunk?.start ?? end, end, chars: Math.min(overlap, size - ahead) });
    }
    atoms.push(atom);
  }
  const chunk = trimmed(text, start, section.end, section.headings);
  if (chunk && atoms.length > 0) yield chunk;
}

/** How many atoms the chunk takes: up to the last paragraph's beginning in its second half, else all. */
function cutOf(atoms: readonly Atom[], start: number, size: number): number {
  for (let index = atoms.length - 1; index > 0; index--) {
    const { opens, start: at } = atoms[index] as Atom;
    if (at - start < size / 2) break;
    if (opens) return index;
  }
  return atoms.length;
}

/** Where the chunk after `end` begins: at a sentence, else a word, at most `chars` before. */
function overlapStart(text: string, { from, end, chars }: { from: number; end: number; chars: number }): number {
  const earliest = Math.max(from + 1, end - chars);
  if (chars <= 0 || earliest >= end) return end;
  const tail = text.slice(earliest, end);
  const boundary = /[.!?…。！？\n]["'”’)\]]*\s+(?=\S)/u.exec(tail);
  if (boundary) return earliest + boundary.index + boundary[0].length;
  const space = /\s(?=\S)/.exec(tail);
  if (space) return earliest + space.index + 1;
  return notInsidePair(text, earliest) === earliest ? earliest : earliest + 1;
}

function* atomsOf(text: string, section: Section, size: number): Generator<Atom> {
  for (let start = section.start; start < section.end;) {
    const window = windowEnd(text, start, section.end);
    for (const paragraph of paragraphsOf(text, start, window)) yield* sentencesOf(text, paragraph, size);
    start = window;
  }
}

function windowEnd(text: string, start: number, end: number): number {
  if (end - start <= WINDOW_CHARS) return end;
  const window = text.slice(start, start + WINDOW_CHARS);
  const last = window.lastIndexOf('\n') + 1 || window.lastIndexOf(' ') + 1;
  return last > 0 ? start + last : notInsidePair(text, start + WINDOW_CHARS);
}

function* paragraphsOf(text: string, start: number, end: number): Generator<{ start: number; end: number }> {
  const window = text.slice(start, end);
  let from = 0;
  for (const gap of window.matchAll(PARAGRAPH_END)) {
    const to = gap.index + gap[0].length;
    yield { start: start + from, end: start + to };
    from = to;
  }
  if (from < window.length) yield { start: start + from, end };
}

function* sentencesOf(text: string, paragraph: { start: number; end: number }, size: number): Generator<Atom> {
  const { start, end } = paragraph;
  if (end - start <= size / 4) return yield { start, end, opens: true };
  let opens = true;
  for (const { index, segment } of sentences.segment(text.slice(start, end))) {
    for (let from = start + index; from < start + index + segment.length;) {
      const to = partEnd(text, from, start + index + segment.length, size);
      yield { start: from, end: to, opens };
      opens = false;
      from = to;
    }
  }
}

/** Where a part of an overlong sentence ends: after its last line break or space in the second half, else anywhere. */
function partEnd(text: string, from: number, end: number, size: number): number {
  if (end - from <= size) return end;
  const part = text.slice(from, from + size);
  for (const mark of ['\n', ' ']) {
    const at = part.lastIndexOf(mark);
    if (at >= size / 2) return from + at + 1;
  }
  return notInsidePair(text, from + size);
}

/** The place itself, or the one before where it lies between the halves of a surrogate pair. */
function notInsidePair(text: string, at: number): number {
  const before = text.charCodeAt(at - 1);
  const after = text.charCodeAt(at);
  return before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff ? at - 1 : at;
}

function trimmed(text: string, start: number, end: number, headings: readonly string[]): TextChunk | undefined {
  const slice = text.slice(start, end);
  const content = slice.trim();
  if (content === '') return undefined;
  const from = start + slice.indexOf(content);
  return { text: content, start: from, end: from + content.length, headings };
}
