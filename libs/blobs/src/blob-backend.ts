/** A file or a folder directly below another folder. */
export type BlobEntry =
  | { readonly kind: 'folder'; readonly name: string }
  | { readonly kind: 'file'; readonly name: string; readonly modifiedAtMs: number };

/** A blob that is being read. */
export interface OpenBlob {
  /** How long the store says it is. */
  readonly bytes: number | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * What a kind of store can do with paths below one route. Paths are checked by who calls; what goes wrong is thrown as
 * the store's own error.
 */
export interface BlobBackend {
  /** All of it or nothing: an error of `bytes`, or an abort, leaves no blob. One that is there is replaced. */
  write(path: string, bytes: AsyncIterable<Buffer>, signal: AbortSignal): Promise<void>;
  /** undefined: there is none. */
  read(path: string, signal: AbortSignal): Promise<OpenBlob | undefined>;
  exists(path: string, signal: AbortSignal): Promise<boolean>;
  /** What lies directly below a folder; a folder that is not there is empty. */
  list(folder: string, signal: AbortSignal): AsyncIterable<BlobEntry>;
  /** Nothing to remove is fine. */
  remove(path: string, signal: AbortSignal): Promise<void>;
  /** The address of a path in the store's own form. */
  locate(path: string): string;
  /** Lets connections go. */
  close(): void;
}

/** A route, its secrets resolved. Options have the names of LanceDB's storage options. */
export interface BlobRoute {
  readonly uri: string;
  readonly options: Readonly<Record<string, string>>;
}

/** Bytes that a store's client keeps in memory of one upload, at most twice: the size of a part. */
export const PART_BYTES = 8 * 1024 * 1024;

/** `s3://bucket/some/prefix` → bucket and `some/prefix/`, the latter empty where there is none. */
export function bucketOf(uri: string): { bucket: string; prefix: string } {
  const [, bucket, path = ''] = /^[a-z0-9]+:\/\/([^/]+)\/?(.*)$/.exec(uri) ?? [];
  if (bucket === undefined) throw new RangeError('not the address of a bucket');
  const folder = path.replace(/\/$/, '');
  return { bucket, prefix: folder === '' ? '' : `${folder}/` };
}
