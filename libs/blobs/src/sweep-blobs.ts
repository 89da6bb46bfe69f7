import { isNameId } from '@runspine/contracts';
import type { BlobBackend, BlobRoute } from './blob-backend.js';
import { BLOBS_FOLDER, isBlobKey } from './blob-reference.js';
import { PARTIAL_NAME } from './local-backend.js';
import { openBackend } from './open-blob-store.js';
import { storeFault } from './store-fault.js';

const DAY_MS = 24 * 3600 * 1000;
/** The topic whose events name blobs is kept for 7 days; one more for those who are late. */
export const BLOB_AGE_MS_MAX = 8 * DAY_MS;
/** Levels of folders inside a key. */
const KEY_DEPTH_MAX = 8;

/** Bounds of one sweep. */
export interface SweepOptions {
  /** Blobs older than this go, milliseconds; never under 7 days: events may still name younger ones. @default 8 days */
  ageMs?: number;
  /** Unix milliseconds. @default the clock */
  nowMs?: number;
  /** Most blobs to remove. @default 10000 */
  removedMax?: number;
  /** Most files and folders to look at. @default 1000000 */
  lookedMax?: number;
  signal?: AbortSignal;
}

/** What a sweep did. */
export interface Swept {
  looked: number;
  removed: number;
  /** False: a bound was reached; there may be more to remove. */
  complete: boolean;
}

/**
 * Removes the blobs of every owner below a route that are older than any event that could name them. Touches nothing
 * but what has the form of a blob in a folder of blobs, so that spaces below the same route are safe. Two at once are
 * fine.
 * @throws ServiceError `nexus_blob_store.unavailable`
 */
export async function sweepBlobs(route: BlobRoute, options: SweepOptions = {}): Promise<Swept> {
  const backend = await openBackend(route);
  const ageMs = Math.max(options.ageMs ?? BLOB_AGE_MS_MAX, 7 * DAY_MS);
  const sweep = new Sweep(backend, {
    before: (options.nowMs ?? Date.now()) - ageMs,
    removedMax: options.removedMax ?? 10_000,
    lookedMax: options.lookedMax ?? 1_000_000,
    signal: options.signal ?? new AbortController().signal,
  });
  try {
    await sweep.owners('', 0);
    return sweep.swept;
  } catch (error) {
    throw options.signal?.aborted ? options.signal.reason : storeFault(error);
  } finally {
    backend.close();
  }
}

class Sweep {
  readonly swept: Swept = { looked: 0, removed: 0, complete: true };

  constructor(
    private readonly backend: BlobBackend,
    private readonly bounds: { before: number; removedMax: number; lookedMax: number; signal: AbortSignal },
  ) {}

  /** Tenants, below them envs, below them projects. */
  async owners(folder: string, depth: number): Promise<void> {
    if (depth === 3) return this.blobs(`${folder}/${BLOBS_FOLDER}`, '', 0);
    for await (const { kind, name } of this.backend.list(folder, this.bounds.signal)) {
      if (this.enough()) return;
      if (kind === 'folder' && isNameId(name)) await this.owners(folder === '' ? name : `${folder}/${name}`, depth + 1);
    }
  }

  private async blobs(root: string, below: string, depth: number): Promise<void> {
    for await (const entry of this.backend.list(`${root}${below}`, this.bounds.signal)) {
      if (this.enough()) return;
      const key = `${below}/${entry.name}`.slice(1);
      if (entry.kind === 'folder') {
        if (depth + 1 < KEY_DEPTH_MAX && isBlobKey(key)) await this.blobs(root, `/${key}`, depth + 1);
      } else if (entry.modifiedAtMs < this.bounds.before && (isBlobKey(key) || PARTIAL_NAME.test(entry.name))) {
        await this.backend.remove(`${root}/${key}`, this.bounds.signal);
        this.swept.removed++;
      }
    }
  }

  private enough(): boolean {
    const { signal, removedMax, lookedMax } = this.bounds;
    signal.throwIfAborted();
    if (++this.swept.looked <= lookedMax && this.swept.removed < removedMax) return false;
    this.swept.complete = false;
    return true;
  }
}
