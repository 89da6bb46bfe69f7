import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { renderDocument } from './document.js';

describe('docs/cli.md', () => {
  it('says of the commands what they say of themselves; `npm run docs` writes it', () => {
    expect(readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')).toBe(renderDocument());
  });

  it('has an example for every command', () => {
    const commands = renderDocument()
      .split(/^###? (?=runspine )/m)
      .slice(1);
    const without = commands.filter(
      (text) => /^runspine .*\n\n.*\n\n```sh\nrunspine /.test(text) && !/```sh\n#/.test(text),
    );
    expect([commands.length > 30, without.map((text) => text.split('\n')[0])]).toEqual([true, []]);
  });
});
