import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { renderDocument } from './document.js';

describe('docs/cli.md', () => {
  it('says of the commands what they say of themselves; `npm run docs` writes it', () => {
    expect(readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')).toBe(renderDocument());
  });
});
