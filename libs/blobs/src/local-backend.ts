import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, opendir, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { BlobBackend, BlobEntry, BlobRoute, OpenBlob } from './blob-backend.js';

/** The name of a file that is being written: what remains of one was never a blob. */
export const PARTIAL_NAME = /^\.[0-9a-f]{32}\.part$/;

/** Blobs as files below a folder. One is there whole, on the disk, once its name is. */
export class LocalBackend implements BlobBackend {
  private readonly root: string;

  constructor({ uri }: BlobRoute) {
    this.root = fileURLToPath(uri);
  }

  async write(path: string, bytes: AsyncIterable<Buffer>, signal: AbortSignal): Promise<void> {
    const target = join(this.root, path);
    const folder = dirname(target);
    const firstMade = await mkdir(folder, { recursive: true, mode: 0o750 });
    const partial = join(folder, `.${randomBytes(16).toString('hex')}.part`);
    try {
      await writeDurably(partial, bytes, signal);
      await rename(partial, target);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
    await syncFolders(folder, firstMade === undefined ? folder : dirname(firstMade));
  }

  async read(path: string, signal: AbortSignal): Promise<OpenBlob | undefined> {
    const file = join(this.root, path);
    const found = await unlessMissing(stat(file));
    if (!found?.isFile()) return undefined;
    return { bytes: found.size, body: createReadStream(file, { signal }) };
  }

  async exists(path: string): Promise<boolean> {
    return (await unlessMissing(stat(join(this.root, path))))?.isFile() ?? false;
  }

  async *list(folder: string): AsyncGenerator<BlobEntry> {
    const path = join(this.root, folder);
    const entries = await unlessMissing(opendir(path));
    if (!entries) return;
    for await (const entry of entries) {
      if (entry.isDirectory()) yield { kind: 'folder', name: entry.name };
      if (!entry.isFile()) continue;
      const found = await unlessMissing(stat(join(path, entry.name)));
      if (found) yield { kind: 'file', name: entry.name, modifiedAtMs: found.mtimeMs };
    }
  }

  async remove(path: string): Promise<void> {
    await unlessMissing(unlink(join(this.root, path)));
  }

  locate(path: string): string {
    return pathToFileURL(join(this.root, path)).href;
  }

  close(): void {}
}

async function writeDurably(file: string, bytes: AsyncIterable<Buffer>, signal: AbortSignal): Promise<void> {
  const handle = await open(file, 'wx', 0o640);
  try {
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      await handle.writeFile(chunk);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A name is on the disk when its folder is: from the file's folder up to the one that had been there. */
async function syncFolders(from: string, to: string): Promise<void> {
  for (let folder = from; folder.length >= to.length; folder = dirname(folder)) {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (folder === to) return;
  }
}

async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
