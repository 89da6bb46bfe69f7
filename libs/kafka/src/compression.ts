import { promisify } from 'node:util';
import { gzip as gzipCompress, unzip as gzipDecompress, zstdCompress, zstdDecompress } from 'node:zlib';
import { UNPACKED_BYTES_MAX } from '@runspine/contracts';
import { CompressionCodecs, CompressionTypes } from './kafkajs.js';
import { decompressLz4 } from './lz4.js';
import { decompressSnappy } from './snappy.js';
import { UnpackedTooLarge } from './unpacking.js';

/** kafkajs hands its encoder to `compress` and the compressed records to `decompress`. */
interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

type Decompress = (buffer: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const zstd = ofNode(promisify(zstdCompress), promisify(zstdDecompress));
const gzip = ofNode(promisify(gzipCompress), promisify(gzipDecompress));

function ofNode(compress: (buffer: Buffer) => Promise<Buffer>, decompress: Decompress): Codec {
  return {
    compress: (encoder) => compress(encoder.buffer),
    decompress: (buffer) =>
      decompress(buffer, { maxOutputLength: UNPACKED_BYTES_MAX }).catch((error: unknown) => {
        const { code } = error as { code?: unknown };
        throw code === 'ERR_BUFFER_TOO_LARGE' ? new UnpackedTooLarge() : error;
      }),
  };
}

function readOnly(name: string, decompress: (buffer: Buffer) => Buffer): Codec {
  return {
    compress: () => Promise.reject(new Error(`${name} is read, not written: use gzip or zstd.`)),
    decompress: async (buffer) => decompress(buffer),
  };
}

const snappy = readOnly('snappy', decompressSnappy);
const lz4 = readOnly('lz4', decompressLz4);

/**
 * Makes kafkajs read every codec that a producer may use: it has gzip only, and ends a consumer for good on another.
 * zstd is written too. What is unpacked is bounded, of gzip as well: a few kilobytes may unpack to gigabytes.
 */
export function registerCodecs(): void {
  const codecs: Record<number, () => Codec> = CompressionCodecs;
  codecs[CompressionTypes.GZIP] = () => gzip;
  codecs[CompressionTypes.ZSTD] = () => zstd;
  codecs[CompressionTypes.Snappy] = () => snappy;
  codecs[CompressionTypes.LZ4] = () => lz4;
}
