import { writeFileSync } from 'node:fs';
import { renderDocument } from '../dist/document.js';

/** Writes docs/cli.md from the commands. `npm run docs`; src/document.spec.ts holds the two together. */
writeFileSync(new URL('../../../docs/cli.md', import.meta.url), renderDocument());
