/** CRC-32C (Castagnoli), reflected. */
const POLYNOMIAL = 0x82f63b78;
const SLICES = 8;

/** Slice `s` of byte `b` at `256 * s + b`: what b does to the sum when s bytes follow it. */
const TABLE = makeTable();

function makeTable(): Int32Array {
  const table = new Int32Array(256 * SLICES);
  for (let byte = 0; byte < 256; byte += 1) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ POLYNOMIAL : sum >>> 1;
    table[byte] = sum;
  }
  for (let at = 256; at < table.length; at += 1) {
    const before = table[at - 256]!;
    table[at] = table[before & 0xff]! ^ (before >>> 8);
  }
  return table;
}

/**
 * CRC-32C of bytes `from` to `to`, as unsigned 32 bits: the checksum of a Kafka record batch. Eight bytes at a time
 * (M. Kounavis and F. Berry, "A systematic approach to building high performance software-based CRC generators", 2005),
 * three times as fast as a byte at a time.
 */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length): number {
  const table = TABLE;
  let sum = -1;
  let at = from;
  for (const last = to - SLICES; at <= last; at += SLICES) {
    sum ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    sum =
      table[1792 + (sum & 0xff)]! ^
      table[1536 + ((sum >>> 8) & 0xff)]! ^
      table[1280 + ((sum >>> 16) & 0xff)]! ^
      table[1024 + (sum >>> 24)]! ^
      table[768 + bytes[at + 4]!]! ^
      table[512 + bytes[at + 5]!]! ^
      table[256 + bytes[at + 6]!]! ^
      table[bytes[at + 7]!]!;
  }
  for (; at < to; at += 1) sum = table[(sum ^ bytes[at]!) & 0xff]! ^ (sum >>> 8);
  return (sum ^ -1) >>> 0;
}
