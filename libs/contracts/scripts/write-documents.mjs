import { readFile, writeFile } from 'node:fs/promises';
import { renderDocuments } from '../dist/render/documents.js';

/** Writes the documents that are rendered from the contracts. Run by `npm run docs`. */
const root = new URL('../../../', import.meta.url);
const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));
for (const [path, text] of Object.entries(renderDocuments(version))) {
  await writeFile(new URL(path, root), text);
  console.log(path);
}
