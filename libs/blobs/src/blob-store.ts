import { ServiceError } from '@runspine/contracts';
import type { BlobBackend, OpenBlob } from './blob-backend.js';
import { type BlobOwner, checkKey, ownerFolder } from './blob-reference.js';
import { type BlobSource, collect, MeasuredBytes, tooLarge } from './measured-bytes.js';
import { storeFault } from './store-fault.js';

/** Largest blob, in bytes, where the caller says nothing. */
export const BLOB_BYTES_MAX = 256 * 1024 * 1024;
/** How long anything but an upload may take, milliseconds. */
const ANSWER_MS_MAX = 60_000;

/** What an upload came to. */
export interface StoredBlob {
  readonly key: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Bounds of an upload, or of what is read. */
export interface BlobBounds {
  /** @default 256 MiB */
  bytesMax?: number;
  /** Gives up; what was being written leaves nothing. */
  signal?: AbortSignal;
}

/** The blobs of one owner in the store that serves them. Nothing else can be reached through it, whatever the key. */
export class BlobStore {
  private readonly folder: string;

  constructor(
    private readonly backend: BlobBackend,
    readonly owner: BlobOwner,
  ) {
    this.folder = ownerFolder(owner);
  }

  /**
   * Stores bytes, all or nothing; a blob of that key is replaced. A stream is passed on in parts, never held whole, and
   * left as it is where it is refused: who made it ends it.
   * @throws ServiceError `nexus.blob_reference_invalid`, `nexus.blob_too_large`, `nexus_blob_store.unavailable`; the
   * signal's reason when it gives up; an error of the stream as it is.
   */
  async putBytes(key: string, source: BlobSource, bounds: BlobBounds = {}): Promise<StoredBlob> {
    const path = this.pathOf(key);
    const giveUp = new AbortController();
    const signal = bounds.signal ? AbortSignal.any([bounds.signal, giveUp.signal]) : giveUp.signal;
    const measured = new MeasuredBytes(source, bounds.bytesMax ?? BLOB_BYTES_MAX, signal);
    try {
      await this.backend.write(path, remembering(measured, giveUp), signal);
    } catch (error) {
      throw signal.aborted ? signal.reason : storeFault(error);
    }
    return { key, bytes: measured.bytes, sha256: measured.sha256() };
  }

  /**
   * The bytes of a blob.
   * @throws ServiceError `nexus.blob_not_found`, `nexus.blob_too_large`, `nexus.blob_reference_invalid`,
   * `nexus_blob_store.unavailable`; the signal's reason when it gives up.
   */
  async getBytes(key: string, { bytesMax = BLOB_BYTES_MAX, signal }: BlobBounds = {}): Promise<Buffer> {
    const path = this.pathOf(key);
    return this.ask(signal, async (until) => {
      const found = await this.backend.read(path, until);
      if (!found) throw new ServiceError('nexus.blob_not_found');
      if (found.bytes !== undefined && found.bytes > bytesMax) {
        letGo(found);
        throw tooLarge(bytesMax);
      }
      return collect(found.body, bytesMax);
    });
  }

  /** @throws ServiceError `nexus.blob_reference_invalid`, `nexus_blob_store.unavailable` */
  exists(key: string, { signal }: Pick<BlobBounds, 'signal'> = {}): Promise<boolean> {
    const path = this.pathOf(key);
    return this.ask(signal, (until) => this.backend.exists(path, until));
  }

  /**
   * Where a blob lies, in the store's own form, for operators: `s3://bucket/…/key`. Nobody takes it back.
   * @throws ServiceError `nexus.blob_reference_invalid`
   */
  resolveUri(key: string): string {
    return this.backend.locate(this.pathOf(key));
  }

  private pathOf(key: string): string {
    return `${this.folder}/${checkKey(key)}`;
  }

  private async ask<T>(given: AbortSignal | undefined, work: (until: AbortSignal) => Promise<T>): Promise<T> {
    const timeout = AbortSignal.timeout(ANSWER_MS_MAX);
    try {
      return await work(given ? AbortSignal.any([given, timeout]) : timeout);
    } catch (error) {
      if (given?.aborted) throw given.reason;
      throw storeFault(error);
    }
  }
}

/** An error of the bytes themselves ends the upload with that error, whatever the store's client makes of it. */
async function* remembering(bytes: AsyncIterable<Buffer>, giveUp: AbortController): AsyncGenerator<Buffer> {
  try {
    yield* bytes;
  } catch (error) {
    giveUp.abort(error);
    throw error;
  }
}

function letGo({ body }: OpenBlob): void {
  (body as Partial<{ destroy(): void }>).destroy?.();
}
