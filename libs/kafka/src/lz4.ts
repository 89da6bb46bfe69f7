import { UNPACKED_BYTES_MAX } from '@runspine/contracts';
import { UnpackedTooLarge } from './unpacking.js';

const FRAME_MAGIC = 0x184d2204;

/** An LZ4 frame (github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md), as Kafka's producers write it. Checksums are the broker's. */
export function decompressLz4(input: Buffer): Buffer {
  if (input.readUInt32LE(0) !== FRAME_MAGIC) throw new Error('Not an LZ4 frame.');
  const flags = input.readUInt8(4);
  const blockChecksum = (flags & 0x10) !== 0;
  let at = 6 + ((flags & 0x08) !== 0 ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0) + 1;
  const output = new GrowingBuffer(input.length * 4);
  while (at + 4 <= input.length) {
    const header = input.readUInt32LE(at);
    at += 4;
    if (header === 0) break;
    const length = header & 0x7fffffff;
    const block = input.subarray(at, at + length);
    if (block.length !== length) throw new Error('Corrupt LZ4 frame.');
    if (header >>> 31 === 1) output.append(block, 0, length);
    else decompressBlock(block, output);
    at += length + (blockChecksum ? 4 : 0);
  }
  return output.bytes();
}

function decompressBlock(input: Buffer, output: GrowingBuffer): void {
  let at = 0;
  const readLength = (nibble: number): number => {
    let length = nibble;
    if (nibble !== 15) return length;
    for (;;) {
      const byte = input.readUInt8(at++);
      length += byte;
      if (byte !== 255) return length;
    }
  };
  while (at < input.length) {
    const token = input.readUInt8(at++);
    const literals = readLength(token >> 4);
    if (at + literals > input.length) throw new Error('Corrupt LZ4 block.');
    output.append(input, at, at + literals);
    at += literals;
    // The last sequence of a block is literals only.
    if (at >= input.length) return;
    const distance = input.readUInt16LE(at);
    at += 2;
    output.repeat(distance, readLength(token & 15) + 4);
  }
}

/** Blocks may refer back into earlier ones, so that all are unpacked into one buffer. */
class GrowingBuffer {
  private buffer: Buffer;
  private length = 0;

  constructor(capacity: number) {
    this.buffer = Buffer.allocUnsafe(Math.max(capacity, 1024));
  }

  append(source: Buffer, from: number, to: number): void {
    this.reserve(to - from);
    this.length += source.copy(this.buffer, this.length, from, to);
  }

  repeat(distance: number, length: number): void {
    if (distance === 0 || distance > this.length) throw new Error('Corrupt LZ4 block.');
    this.reserve(length);
    for (let i = 0; i < length; i++, this.length++) {
      this.buffer[this.length] = this.buffer.readUInt8(this.length - distance);
    }
  }

  bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    if (this.length + bytes > UNPACKED_BYTES_MAX) throw new UnpackedTooLarge();
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + bytes));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }
}
