/** Room for a string's UTF-8, whatever it says: a UTF-16 unit becomes three bytes at most. */
const BYTES_A_UNIT_MAX = 3;
const START_BYTES = 64 * 1024;
/** A larger buffer is given back after the request that needed it. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;

/** Writes Kafka's protocol types into one growing buffer, each string once: a length is mended where it was guessed wrong. */
export class RequestWriter {
  buffer = Buffer.allocUnsafeSlow(START_BYTES);
  at = 0;

  /** What was written, in bytes of its own; the writer begins anew. */
  take(): Buffer {
    const written = Buffer.allocUnsafeSlow(this.at);
    this.buffer.copy(written, 0, 0, this.at);
    this.at = 0;
    if (this.buffer.length > KEPT_BYTES_MAX) this.buffer = Buffer.allocUnsafeSlow(START_BYTES);
    return written;
  }

  int8(value: number): void {
    this.need(1);
    this.buffer[this.at++] = value;
  }

  int16(value: number): void {
    this.need(2);
    this.at = this.buffer.writeInt16BE(value, this.at);
  }

  int32(value: number): void {
    this.need(4);
    this.at = this.buffer.writeInt32BE(value, this.at);
  }

  int64(value: bigint): void {
    this.need(8);
    this.at = this.buffer.writeBigInt64BE(value, this.at);
  }

  /** 16 bits of length, -1 for null. */
  string(value: string | null): void {
    if (value === null) return this.int16(-1);
    this.int16(Buffer.byteLength(value));
    this.need(value.length * BYTES_A_UNIT_MAX);
    this.at += this.buffer.write(value, this.at, 'utf8');
  }

  /** Zigzag, 32 bits. */
  varInt(value: number): void {
    this.need(5);
    this.at = writeVarInt(this.buffer, this.at, value);
  }

  /** Zigzag; exact for what is below 2^52, such as milliseconds. */
  varLong(value: number): void {
    this.need(10);
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    while (rest >= 0x80) {
      this.buffer[this.at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.buffer[this.at++] = rest;
  }

  /** A varint of length, -1 for null, and the bytes. */
  varBytes(value: Buffer | string | null | undefined): void {
    if (value === null || value === undefined) return this.varInt(-1);
    const from = this.at;
    if (typeof value !== 'string') {
      this.need(5 + value.length);
      this.at = writeVarInt(this.buffer, from, value.length);
      this.at += value.copy(this.buffer, this.at);
      return;
    }
    this.need(5 + value.length * BYTES_A_UNIT_MAX);
    const text = writeVarInt(this.buffer, from, value.length);
    const length = this.buffer.write(value, text, 'utf8');
    this.at = text + length;
    if (length !== value.length) this.mendLength(from, text, length);
  }

  /** A record: its length, then what `write` writes. */
  sized(write: () => void): void {
    const from = this.at;
    // Most records take from 64 to 8,191 bytes: two bytes of length.
    this.need(2);
    const body = from + 2;
    this.at = body;
    write();
    this.mendLength(from, body, this.at - body);
  }

  /** Puts the length before a body that lies at `body`, and moves the body where the length needs another width. */
  private mendLength(from: number, body: number, length: number): void {
    const moved = from + varIntBytes(length);
    if (moved !== body) {
      this.need(5);
      this.buffer.copyWithin(moved, body, body + length);
    }
    writeVarInt(this.buffer, from, length);
    this.at = moved + length;
  }

  private need(bytes: number): void {
    const least = this.at + bytes;
    if (least <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(least, 2 * this.buffer.length));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
  }
}

/** Bytes of a zigzag varint of 32 bits. */
function varIntBytes(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x200000 ? 3 : zigzag < 0x10000000 ? 4 : 5;
}

function writeVarInt(buffer: Buffer, at: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  while (rest >= 0x80) {
    buffer[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[at++] = rest;
  return at;
}
