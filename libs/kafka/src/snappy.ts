import { UNPACKED_BYTES_MAX } from '@runspine/contracts';
import { UnpackedTooLarge } from './unpacking.js';

const FRAME_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);

/**
 * Snappy as Kafka's producers write it: Java in frames of its library's stream (magic, two versions, then blocks with a
 * big-endian length before each), librdkafka bare.
 */
export function decompressSnappy(input: Buffer): Buffer {
  if (!input.subarray(0, FRAME_MAGIC.length).equals(FRAME_MAGIC)) return decompressBlock(input);
  const blocks: Buffer[] = [];
  let left = UNPACKED_BYTES_MAX;
  for (let at = 16; at < input.length;) {
    const length = input.readUInt32BE(at);
    at += 4;
    const block = decompressBlock(input.subarray(at, at + length), left);
    blocks.push(block);
    left -= block.length;
    at += length;
  }
  return Buffer.concat(blocks);
}

/** One block of github.com/google/snappy/blob/main/format_description.txt. */
function decompressBlock(input: Buffer, bytesMax = UNPACKED_BYTES_MAX): Buffer {
  let at = 0;
  let size = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = input.readUInt8(at++);
    size += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (size > bytesMax) throw new UnpackedTooLarge();
  const output = Buffer.allocUnsafe(size);
  let to = 0;
  while (at < input.length) {
    const tag = input.readUInt8(at++);
    const kind = tag & 3;
    if (kind === 0) {
      let length = tag >> 2;
      if (length >= 60) {
        const bytes = length - 59;
        length = input.readUIntLE(at, bytes);
        at += bytes;
      }
      length += 1;
      if (at + length > input.length || to + length > size) throw new Error('Corrupt snappy block.');
      to += input.copy(output, to, at, at + length);
      at += length;
      continue;
    }
    let length: number;
    let distance: number;
    if (kind === 1) {
      length = ((tag >> 2) & 7) + 4;
      distance = ((tag >> 5) << 8) | input.readUInt8(at);
      at += 1;
    } else {
      length = (tag >> 2) + 1;
      distance = kind === 2 ? input.readUInt16LE(at) : input.readUInt32LE(at);
      at += kind === 2 ? 2 : 4;
    }
    if (distance === 0 || distance > to || to + length > size) throw new Error('Corrupt snappy block.');
    // Source and target may overlap: byte by byte, as the format means it.
    for (let i = 0; i < length; i++, to++) output[to] = output.readUInt8(to - distance);
  }
  if (to !== size) throw new Error('Corrupt snappy block.');
  return output;
}
