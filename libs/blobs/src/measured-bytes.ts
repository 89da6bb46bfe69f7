import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { ServiceError } from '@runspine/contracts';

/** Bytes, or a stream of them. */
export type BlobSource = Uint8Array | Readable;

/** Hands bytes on as they come, counts and hashes them, and fails as soon as there are too many. */
export class MeasuredBytes implements AsyncIterable<Buffer> {
  bytes = 0;
  private readonly hash = createHash('sha256');

  constructor(
    private readonly source: BlobSource,
    private readonly bytesMax: number,
    private readonly signal: AbortSignal,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for await (const chunk of chunksOf(this.source)) {
      this.signal.throwIfAborted();
      this.bytes += chunk.length;
      if (this.bytes > this.bytesMax) throw tooLarge(this.bytesMax);
      this.hash.update(chunk);
      yield chunk;
    }
  }

  /** Hexadecimal. Once, after the last chunk. */
  sha256(): string {
    return this.hash.digest('hex');
  }
}

/** @throws ServiceError `nexus.blob_too_large` */
export async function collect(body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

export function tooLarge(bytesMax: number): ServiceError {
  return new ServiceError('nexus.blob_too_large', undefined, { bytes_max: bytesMax });
}

/** Who gave the stream ends it: of a request that is refused the answer has yet to go out on the same socket. */
async function* chunksOf(source: BlobSource): AsyncGenerator<Buffer> {
  if (!(source instanceof Readable)) {
    yield Buffer.from(source.buffer, source.byteOffset, source.byteLength);
    return;
  }
  for await (const chunk of source.iterator({ destroyOnReturn: false })) {
    yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk as Uint8Array | string);
  }
}
