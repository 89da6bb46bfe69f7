import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import {
  type BlobBackend,
  type BlobEntry,
  type BlobRoute,
  bucketOf,
  type OpenBlob,
  PART_BYTES,
} from './blob-backend.js';

/** How long a connection may take to open, and how long it may be silent, milliseconds. */
const CONNECT_MS = 5000;
const SILENCE_MS = 30_000;

/** Blobs in a bucket of S3, or of what speaks its protocol. */
export class S3Backend implements BlobBackend {
  private readonly client: S3Client;
  private readonly bucket: string;
  private readonly prefix: string;

  constructor({ uri, options }: BlobRoute) {
    ({ bucket: this.bucket, prefix: this.prefix } = bucketOf(uri));
    this.client = new S3Client(configOf(options));
  }

  async write(path: string, bytes: AsyncIterable<Buffer>, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const upload = new Upload({
      client: this.client,
      params: { ...this.at(path), Body: Readable.from(bytes, { objectMode: false }) },
      partSize: PART_BYTES,
      queueSize: 1,
      leavePartsOnError: false,
    });
    const abort = () => void upload.abort();
    signal.addEventListener('abort', abort, { once: true });
    try {
      await upload.done();
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async read(path: string, signal: AbortSignal): Promise<OpenBlob | undefined> {
    const found = await unlessMissing(this.client.send(new GetObjectCommand(this.at(path)), { abortSignal: signal }));
    return found && { bytes: found.ContentLength, body: found.Body as Readable };
  }

  async exists(path: string, signal: AbortSignal): Promise<boolean> {
    const head = this.client.send(new HeadObjectCommand(this.at(path)), { abortSignal: signal });
    return (await unlessMissing(head)) !== undefined;
  }

  async *list(folder: string, signal: AbortSignal): AsyncGenerator<BlobEntry> {
    const below = `${this.prefix}${folder === '' ? '' : `${folder}/`}`;
    let from: string | undefined;
    do {
      const page = await this.client.send(
        new ListObjectsV2Command({ Bucket: this.bucket, Prefix: below, Delimiter: '/', ContinuationToken: from }),
        { abortSignal: signal },
      );
      for (const { Prefix = '' } of page.CommonPrefixes ?? []) {
        yield { kind: 'folder', name: Prefix.slice(below.length, -1) };
      }
      for (const { Key = '', LastModified } of page.Contents ?? []) {
        if (LastModified && Key !== below) {
          yield { kind: 'file', name: Key.slice(below.length), modifiedAtMs: LastModified.getTime() };
        }
      }
      from = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (from !== undefined);
  }

  async remove(path: string, signal: AbortSignal): Promise<void> {
    await this.client.send(new DeleteObjectCommand(this.at(path)), { abortSignal: signal });
  }

  locate(path: string): string {
    return `s3://${this.bucket}/${this.prefix}${path}`;
  }

  close(): void {
    this.client.destroy();
  }

  private at(path: string): { Bucket: string; Key: string } {
    return { Bucket: this.bucket, Key: `${this.prefix}${path}` };
  }
}

function configOf(options: BlobRoute['options']): S3ClientConfig {
  const { access_key_id: accessKeyId, secret_access_key: secretAccessKey, session_token: sessionToken } = options;
  const given = accessKeyId !== undefined && secretAccessKey !== undefined;
  return {
    region: options.region ?? 'us-east-1',
    ...(options.endpoint !== undefined && { endpoint: options.endpoint }),
    ...(given && {
      credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
    }),
    forcePathStyle: options.virtual_hosted_style_request !== 'true',
    // Other servers than Amazon's do not all know the newer checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 3,
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENCE_MS },
  };
}

/** A bucket that is missing is a fault of the route, not a missing blob. */
async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
    if (name !== 'NoSuchBucket' && $metadata?.httpStatusCode === 404) return undefined;
    throw error;
  }
}
