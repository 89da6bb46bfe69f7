import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What is not the project's own, or not for reading. */
const SKIPPED = new Set(['node_modules', 'dist', 'coverage', '.git', '.runspine']);
const FILES_MAX = 20_000;

/** Files and folders below a root: paths with `/`, sorted. */
export interface Tree {
  paths: string[];
  documents: string[];
}

/** Walks the project, without what was installed or built. */
export async function findDocuments(root: string): Promise<Tree> {
  const paths: string[] = ['.'];
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      if (SKIPPED.has(entry.name)) continue;
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      paths.push(path);
      if (entry.isDirectory()) folders.push(path);
    }
    if (paths.length > FILES_MAX) throw new Error(`There are more than ${FILES_MAX} files below ${root}.`);
  }
  paths.sort();
  return { paths, documents: paths.filter((path) => path.endsWith('.md')) };
}

/** Reads documents whole, by path. */
export async function readDocuments(root: string, documents: string[]): Promise<Map<string, string>> {
  const texts = await Promise.all(
    documents.map(async (path) => [path, await readFile(join(root, path), 'utf8')] as const),
  );
  return new Map(texts);
}
