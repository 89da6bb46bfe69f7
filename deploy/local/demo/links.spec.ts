import { describe, expect, it } from '@jest/globals';
import { faultOf } from './links.ts';
import { outlineOf } from './markdown.ts';

const outlines = new Map([
  ['README.md', outlineOf('# Runspine\n## Two commands\n')],
  ['docs/lifecycle.md', outlineOf('# Lifecycle\n<a id="kept"></a>\n')],
]);
const paths = new Set(['.', 'README.md', 'docs', 'docs/lifecycle.md', 'libs/contracts/src/ids.ts', 'a b.md']);
const check = (target: string, file = 'docs/lifecycle.md') =>
  faultOf(file, { line: 7, text: 'text', target }, { outlines, paths });

describe('checking where a link leads', () => {
  it.each([
    '../README.md',
    '../README.md#two-commands',
    '#lifecycle',
    '#kept',
    '/docs/',
    '..',
    '../libs/contracts/src/ids.ts#L10',
    '../a%20b.md',
    'https://example.org/a?b#c',
    'http://127.0.0.1:8080/docs',
    'mailto:somebody@example.org',
  ])('finds %s', (target) => {
    expect(check(target)).toBeUndefined();
  });

  it('names file, line and link of one that leads nowhere, and what may have been meant', () => {
    expect(check('../REDME.md')).toEqual({
      file: 'docs/lifecycle.md',
      line: 7,
      link: '../REDME.md',
      reason: 'there is no REDME.md',
      suggestion: '../README.md',
    });
    expect(check('lifecycle.md', 'README.md')?.suggestion).toBe('docs/lifecycle.md');
    expect(check('../README.md#two-command')).toMatchObject({
      reason: 'README.md has no heading #two-command',
      suggestion: '../README.md#two-commands',
    });
  });

  it.each(['', 'https://', 'http://[', 'ftp://example.org', 'mailto:nobody', '../../outside.md', '%E0%A4%A.md'])(
    'refuses %p',
    (target) => {
      expect(check(target)).toBeDefined();
    },
  );

  it('suggests nothing where nothing is like it', () => {
    expect(check('zzzzzzzzzzzzzzzzzzzzzzz')?.suggestion).toBeNull();
  });
});
