import {
  type Bucket,
  CRC32C,
  type File,
  type GetFilesOptions,
  Storage,
  type StorageOptions,
} from '@google-cloud/storage';
import { type BlobBackend, type BlobEntry, type BlobRoute, bucketOf, type OpenBlob } from './blob-backend.js';

const RETRIES_MAX = 2;
const LIST_ITEMS = 1000;

/** Blobs in a bucket of Google Cloud Storage. */
export class GcsBackend implements BlobBackend {
  private readonly bucket: Bucket;
  private readonly prefix: string;
  private readonly anonymous: boolean;

  constructor({ uri, options }: BlobRoute) {
    const { bucket, prefix } = bucketOf(uri);
    this.prefix = prefix;
    this.anonymous = options.endpoint !== undefined && options.service_account_key === undefined;
    this.bucket = new Storage(configOf(options)).bucket(bucket);
  }

  /**
   * One request of our own: the library's uploads keep their request open for good when they are cut off, or wait for
   * bytes that never come. What is cut off is no object.
   */
  async write(path: string, bytes: AsyncIterable<Buffer>, signal: AbortSignal): Promise<void> {
    const { storage } = this.bucket;
    const name = encodeURIComponent(`${this.prefix}${path}`);
    const url = `${storage.apiEndpoint}/upload/storage/v1/b/${this.bucket.name}/o?uploadType=media&name=${name}`;
    const headers = new Headers(this.anonymous ? {} : await until(signal, storage.authClient.getRequestHeaders(url)));
    headers.set('content-type', 'application/octet-stream');
    const sum = new CRC32C();
    const answer = await fetch(url, {
      method: 'POST',
      headers,
      body: summed(bytes, sum),
      duplex: 'half',
      redirect: 'error',
      signal,
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`HTTP ${answer.status}: ${text.slice(0, 500)}`);
    if ((JSON.parse(text) as { crc32c?: string }).crc32c !== sum.toString()) {
      await this.remove(path, signal);
      throw new Error('what arrived is not what was sent');
    }
  }

  async read(path: string, signal: AbortSignal): Promise<OpenBlob | undefined> {
    const file = this.file(path);
    const found = await unlessMissing(until(signal, file.getMetadata()));
    if (!found) return undefined;
    const body = file.createReadStream();
    signal.addEventListener('abort', () => body.destroy(signal.reason as Error), { once: true });
    return { bytes: Number(found[0].size), body };
  }

  async exists(path: string, signal: AbortSignal): Promise<boolean> {
    const [exists] = await until(signal, this.file(path).exists());
    return exists;
  }

  async *list(folder: string, signal: AbortSignal): AsyncGenerator<BlobEntry> {
    const below = `${this.prefix}${folder === '' ? '' : `${folder}/`}`;
    let query: GetFilesOptions | null = { prefix: below, delimiter: '/', autoPaginate: false, maxResults: LIST_ITEMS };
    while (query) {
      const page = await until(signal, this.bucket.getFiles(query));
      const [files, next, answer] = page as [File[], GetFilesOptions | null, { prefixes?: string[] } | undefined];
      for (const prefix of answer?.prefixes ?? []) yield { kind: 'folder', name: prefix.slice(below.length, -1) };
      for (const { name, metadata } of files) {
        if (name === below) continue;
        yield { kind: 'file', name: name.slice(below.length), modifiedAtMs: Date.parse(String(metadata.updated)) };
      }
      query = next;
    }
  }

  async remove(path: string, signal: AbortSignal): Promise<void> {
    await until(signal, this.file(path).delete({ ignoreNotFound: true }));
  }

  locate(path: string): string {
    return `gs://${this.bucket.name}/${this.prefix}${path}`;
  }

  close(): void {}

  private file(path: string) {
    return this.bucket.file(`${this.prefix}${path}`);
  }
}

async function* summed(bytes: AsyncIterable<Buffer>, sum: CRC32C): AsyncGenerator<Buffer> {
  for await (const chunk of bytes) {
    sum.update(chunk);
    yield chunk;
  }
}

function configOf({ service_account_key: key, endpoint }: BlobRoute['options']): StorageOptions {
  return {
    retryOptions: { autoRetry: true, maxRetries: RETRIES_MAX },
    ...(endpoint !== undefined && { apiEndpoint: endpoint, useAuthWithCustomEndpoint: key !== undefined }),
    ...(key !== undefined ? accountOf(key) : endpoint !== undefined && { projectId: 'none' }),
  };
}

/**
 * Only a service account's own key: other kinds of credentials name files, commands and addresses for the library to
 * follow.
 */
function accountOf(text: string): StorageOptions {
  const key: unknown = JSON.parse(text);
  const { type, client_email, private_key, project_id } = (key ?? {}) as Record<string, unknown>;
  if (type !== 'service_account' || typeof client_email !== 'string' || typeof private_key !== 'string') {
    throw new Error('service_account_key is not the JSON of a service account');
  }
  return {
    credentials: { client_email, private_key },
    ...(typeof project_id === 'string' && { projectId: project_id }),
  };
}

/** The library's calls take no signal: the answer is no longer waited for. */
async function until<T>(signal: AbortSignal, answer: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([answer, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if ((error as { code?: unknown }).code === 404) return undefined;
    throw error;
  }
}
