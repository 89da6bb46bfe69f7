import { describe, expect, it } from '@jest/globals';
import { outlineOf, slug } from './markdown.ts';

const targets = (text: string) => outlineOf(text).links.map(({ target }) => target);

describe('reading a Markdown document', () => {
  it('finds headings with the anchors their readers use, numbered when they repeat', () => {
    const { headings } = outlineOf('# One `two` three\n\n## Notes\n## Notes\n\nUnderlined\n==========\n');
    expect(headings.map(({ line, level, anchor }) => [line, level, anchor])).toEqual([
      [1, 1, 'one-two-three'],
      [3, 2, 'notes'],
      [4, 2, 'notes-1'],
      [6, 1, 'underlined'],
    ]);
  });

  it('gives the anchors that GitHub gives', () => {
    expect(slug('Why Kafka arbitrates, and PostgreSQL is true')).toBe('why-kafka-arbitrates-and-postgresql-is-true');
    expect(slug('GET /v1/runs/:runId')).toBe('get-v1runsrunid');
    expect(slug('Über snake_case – 2.0')).toBe('über-snake_case--20');
  });

  it('finds links of every form, with their lines', () => {
    const text = [
      'See [a](one.md "A title") and ![an image](two.png).',
      '[![badge](badge.svg)](three.md#part)',
      '[spaces](<four five.md>) [brackets](six_(7).md)',
      '<https://example.org/x> <a href="eight.md">8</a>',
      '[label]: nine.md',
    ].join('\n');
    expect(targets(text)).toEqual([
      'one.md',
      'two.png',
      'badge.svg',
      'three.md#part',
      'four five.md',
      'six_(7).md',
      'https://example.org/x',
      'eight.md',
      'nine.md',
    ]);
    expect(outlineOf(text).links.map(({ line }) => line)).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5]);
  });

  it('does not read code, code spans and comments', () => {
    const text = [
      '```md',
      '[no](no.md)',
      '# No',
      '```',
      '`[no](no.md)` ``a ` [no](no.md)``',
      '<!-- [no](no.md)',
      '-->',
    ].join('\n');
    expect(outlineOf(text)).toEqual({ headings: [], links: [], anchors: [] });
  });

  it('takes a table row above a rule for what it is', () => {
    expect(outlineOf('| a |\n---\n\ntext\n\n---\n').headings).toEqual([]);
  });
});
