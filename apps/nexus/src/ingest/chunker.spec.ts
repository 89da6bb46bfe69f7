import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { chunksOf, type TextChunk } from './chunker.js';

const prose = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      fc.constantFrom(
        '# One\n',
        '## Two ##\n',
        '###### Six\n\n',
        '#\n',
        '```\n# not a heading\n```\n',
        '~~~\n',
        '\n\n',
        '\r\n\r\n',
        '   \t  ',
        'A sentence ends. Another? Yes! ',
        'wörter und 日本語の文。次の文。',
        '👩‍👩‍👧‍👦'.repeat(20),
        'x'.repeat(300),
        ' '.repeat(400),
      ),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));
const chunking = fc.record({
  strategy: fc.constantFrom('auto' as const, 'markdown' as const, 'sentences' as const),
  chunk_chars: fc.integer({ min: 64, max: 400 }),
  overlap_chars: fc.integer({ min: 0, max: 400 }),
});

describe('chunking', () => {
  it('loses nothing but white space, keeps its size, and gives the same chunks again', () => {
    fc.assert(
      fc.property(prose, chunking, (text, options) => {
        const chunks = [...chunksOf(text, options)];
        expect(uncovered(text, chunks).trim()).toBe('');
        let start = -1;
        for (const chunk of chunks) {
          expect(chunk.text).toBe(text.slice(chunk.start, chunk.end));
          expect(chunk.text.length).toBeLessThanOrEqual(options.chunk_chars);
          expect(chunk.text.trim()).toBe(chunk.text);
          expect(chunk.text).not.toBe('');
          expect(chunk.start).toBeGreaterThan(start);
          start = chunk.start;
        }
        expect([...chunksOf(text, options)]).toEqual(chunks);
      }),
      { numRuns: 300 },
    );
  });

  it('never cuts a character of two code units in half', () => {
    fc.assert(
      fc.property(fc.integer({ min: 64, max: 70 }), fc.integer({ min: 0, max: 35 }), (size, overlap) => {
        for (const { text } of chunksOf('😀'.repeat(200), { chunk_chars: size, overlap_chars: overlap })) {
          expect(text.isWellFormed()).toBe(true);
        }
      }),
    );
  });

  it('overlaps by whole sentences, no more than asked', () => {
    const text = Array.from({ length: 40 }, (_, index) => `Sentence ${index} says a thing.`).join(' ');
    const chunks = [...chunksOf(text, { chunk_chars: 200, overlap_chars: 60 })];

    expect(chunks.length).toBeGreaterThan(4);
    for (const [index, chunk] of chunks.entries()) {
      expect(chunk.text).toMatch(/^Sentence \d+ .*\.$/);
      const before = chunks[index - 1];
      if (!before) continue;
      expect(before.end - chunk.start).toBeGreaterThan(0);
      expect(before.end - chunk.start).toBeLessThanOrEqual(60);
    }
  });

  it('cuts Markdown at headings and remembers the path to each', () => {
    const text = [
      'Before any heading.',
      '# Guide',
      '## Install',
      'Run it.',
      '```sh',
      '# a comment, not a heading',
      '```',
      '## Use',
      'Ask it.',
      '# Other',
      'End.',
    ].join('\n');

    expect([...chunksOf(text)].map(({ headings, text: said }) => [headings, said.split('\n')[0]])).toEqual([
      [[], 'Before any heading.'],
      [['Guide', 'Install'], '# Guide'],
      [['Guide', 'Use'], '## Use'],
      [['Other'], '# Other'],
    ]);
  });

  it('prefers the beginning of a paragraph to that of a sentence', () => {
    const first = 'The first paragraph has a few words, and then a few more of them. '.repeat(2).trim();
    const second = 'The second one follows here. It has two sentences that are long enough to be over.';

    const [chunk] = chunksOf(`${first}\n\n${second}`, { chunk_chars: 200, overlap_chars: 0 });

    expect(chunk?.text).toBe(first);
  });

  it('keeps a text whole when told so', () => {
    expect([...chunksOf(' a b\n\n# c ', { strategy: 'none', chunk_chars: 64 })]).toEqual([
      { text: 'a b\n\n# c', start: 1, end: 9, headings: [] },
    ]);
  });

  it.each(['x', 'A sentence. ', '\n', 'line\n', '# heading\n'])(
    'cuts 16 MiB of %j in a moment and in bounded memory',
    (unit) => {
      const text = unit.repeat(Math.floor((16 * 1024 * 1024) / unit.length));
      const heapBefore = process.memoryUsage().heapUsed;
      const began = performance.now();
      let chars = 0;
      let heapMost = 0;
      let chunks = 0;
      for (const chunk of chunksOf(text, { overlap_chars: 0 })) {
        chars += chunk.text.length;
        if (++chunks % 10_000 === 0) heapMost = Math.max(heapMost, process.memoryUsage().heapUsed);
      }
      expect(chars).toBeLessThanOrEqual(text.length);
      expect(performance.now() - began).toBeLessThan(30_000);
      expect(heapMost - heapBefore).toBeLessThan(256 * 1024 * 1024);
    },
  );
});

function uncovered(text: string, chunks: readonly TextChunk[]): string {
  let rest = '';
  let at = 0;
  for (const { start, end } of chunks) {
    if (start > at) rest += text.slice(at, start);
    at = Math.max(at, end);
  }
  return rest + text.slice(at);
}
