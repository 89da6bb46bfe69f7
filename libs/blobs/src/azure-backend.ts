import { Readable } from 'node:stream';
import {
  AnonymousCredential,
  type ContainerClient,
  BlobServiceClient,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import {
  type BlobBackend,
  type BlobEntry,
  type BlobRoute,
  bucketOf,
  type OpenBlob,
  PART_BYTES,
} from './blob-backend.js';

const TRIES_MAX = 3;

/** Blobs in a container of Azure Blob Storage. */
export class AzureBackend implements BlobBackend {
  private readonly container: ContainerClient;
  private readonly prefix: string;

  constructor({ uri, options }: BlobRoute) {
    const { bucket, prefix } = bucketOf(uri);
    this.prefix = prefix;
    this.container = serviceOf(options).getContainerClient(bucket);
  }

  async write(path: string, bytes: AsyncIterable<Buffer>, signal: AbortSignal): Promise<void> {
    const source = Readable.from(bytes, { objectMode: false });
    // Blocks that are never committed are no blob; Azure drops them after a week.
    await this.blob(path).uploadStream(source, PART_BYTES, 1, { abortSignal: signal });
  }

  async read(path: string, signal: AbortSignal): Promise<OpenBlob | undefined> {
    const found = await unlessMissing(this.blob(path).download(0, undefined, { abortSignal: signal }));
    return found && { bytes: found.contentLength, body: found.readableStreamBody as Readable };
  }

  exists(path: string, signal: AbortSignal): Promise<boolean> {
    return this.blob(path).exists({ abortSignal: signal });
  }

  async *list(folder: string, signal: AbortSignal): AsyncGenerator<BlobEntry> {
    const below = `${this.prefix}${folder === '' ? '' : `${folder}/`}`;
    for await (const entry of this.container.listBlobsByHierarchy('/', { prefix: below, abortSignal: signal })) {
      const name = entry.name.slice(below.length);
      if (entry.kind === 'prefix') yield { kind: 'folder', name: name.replace(/\/$/, '') };
      else yield { kind: 'file', name, modifiedAtMs: entry.properties.lastModified.getTime() };
    }
  }

  async remove(path: string, signal: AbortSignal): Promise<void> {
    await this.blob(path).deleteIfExists({ abortSignal: signal });
  }

  locate(path: string): string {
    return `az://${this.container.containerName}/${this.prefix}${path}`;
  }

  close(): void {}

  private blob(path: string) {
    return this.container.getBlockBlobClient(`${this.prefix}${path}`);
  }
}

/** The account's key, or a signature that stands in the address; its name always. */
function serviceOf(options: BlobRoute['options']): BlobServiceClient {
  const { account_name: account, account_key: key, sas_token: signature } = options;
  if (account === undefined) throw new Error('account_name is missing');
  const endpoint = options.endpoint ?? `https://${account}.blob.core.windows.net`;
  const retries = { retryOptions: { maxTries: TRIES_MAX } };
  if (key !== undefined) {
    return new BlobServiceClient(endpoint, new StorageSharedKeyCredential(account, key), retries);
  }
  if (signature === undefined) throw new Error('account_key or sas_token is missing');
  return new BlobServiceClient(`${endpoint}?${signature.replace(/^\?/, '')}`, new AnonymousCredential(), retries);
}

async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'BlobNotFound') return undefined;
    throw error;
  }
}
