import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { CompressionCodecs, CompressionTypes } from './kafkajs.js';
import { decompressLz4 } from './lz4.js';
import { decompressSnappy } from './snappy.js';

/** kafkajs hands its encoder to `compress` and the compressed records to `decompress`. */
interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

const compressZstd = promisify(zstdCompress);
const decompressZstd = promisify(zstdDecompress);

const zstd: Codec = {
  compress: (encoder) => compressZstd(encoder.buffer),
  decompress: (buffer) => decompressZstd(buffer),
};

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
 * zstd is written too.
 */
export function registerCodecs(): void {
  const codecs: Record<number, () => Codec> = CompressionCodecs;
  codecs[CompressionTypes.ZSTD] = () => zstd;
  codecs[CompressionTypes.Snappy] = () => snappy;
  codecs[CompressionTypes.LZ4] = () => lz4;
}
