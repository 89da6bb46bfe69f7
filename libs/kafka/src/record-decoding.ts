/** A kafkajs `Decoder` over the bytes of one record. */
export interface RecordDecoder {
  buffer: Buffer;
  offset: number;
}

/** What kafkajs hands on from a record's batch; offsets and times are decimal text. */
export interface BatchContext {
  firstOffset?: string;
  firstTimestamp?: string;
  maxTimestamp?: string;
  magicByte?: number;
  isControlBatch?: boolean;
  timestampType?: number;
}

type HeaderValue = Buffer | string | null;

type Headers = Record<string, HeaderValue | HeaderValue[]>;

/** A record as kafkajs has it, but for the values of its headers, which are text where they are ASCII. */
export interface DecodedRecord {
  readonly magicByte: number | undefined;
  readonly attributes: number;
  /** Unix milliseconds, decimal. */
  readonly timestamp: string;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Read anew at each look: a record that waits keeps its bytes, and not an object and a string for each header. */
  readonly headers: Headers;
  readonly isControlRecord: boolean;
  readonly batchContext: BatchContext;
  /** Bytes of the whole record in its batch. */
  readonly size: number;
}

const LOG_APPEND_TIME = 1;
const NOTHING: BatchContext = {};
/** Where kafkajs's own throws. */
class InvalidRecord extends RangeError {}

/**
 * Kafka's record format, version 2 (KIP-98), read where it lies. kafkajs's own copies the headers into a new object for
 * each of them and makes 64-bit integers of small ones, which was half of a consumer's work. Of a name's values the last
 * one is kept by name: most headers say the same in each record, and are then one string and not thousands.
 */
export function recordDecoding(): (decoder: RecordDecoder, context?: BatchContext) => DecodedRecord {
  const texts = new HeaderTexts();
  return ({ buffer }, batchContext = NOTHING) => new LazyRecord(buffer, batchContext, texts);
}

/** Everything but the headers is read at once; that there are as many as it says, too. */
class LazyRecord implements DecodedRecord {
  readonly attributes: number;
  readonly timestamp: string;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  private readonly headersAt: number;

  constructor(
    private readonly buffer: Buffer,
    readonly batchContext: BatchContext,
    private readonly texts: HeaderTexts,
  ) {
    const reader = new RecordReader(buffer);
    this.attributes = reader.int8();
    const timestampDelta = reader.varLong();
    const offsetDelta = reader.varInt();
    this.key = reader.bytes();
    this.value = reader.bytes();
    this.headersAt = reader.at;
    for (let left = 2 * reader.varInt(); left > 0; left -= 1) reader.skip(reader.varInt());
    const { firstOffset = '0', firstTimestamp = '0', maxTimestamp, timestampType } = batchContext;
    const appended = timestampType === LOG_APPEND_TIME && maxTimestamp;
    this.timestamp = appended ? maxTimestamp : String(Number(firstTimestamp) + timestampDelta);
    this.offset = String(Number(firstOffset) + offsetDelta);
  }

  get headers(): Headers {
    const reader = new RecordReader(this.buffer, this.headersAt);
    const headers: Headers = {};
    for (let left = reader.varInt(); left > 0; left -= 1) readHeader(reader, this.texts, headers);
    return headers;
  }

  get magicByte(): number | undefined {
    return this.batchContext.magicByte;
  }

  get isControlRecord(): boolean {
    return this.batchContext.isControlBatch ?? false;
  }

  get size(): number {
    return this.buffer.length;
  }
}

function readHeader(reader: RecordReader, texts: HeaderTexts, headers: Headers): void {
  const nameBytes = reader.varInt();
  const name = texts.name(reader.buffer, reader.skip(nameBytes), nameBytes);
  const valueBytes = reader.varInt();
  const value = valueBytes < 0 ? null : texts.value(name, reader.buffer, reader.skip(valueBytes), valueBytes);
  const before = headers[name];
  if (before === undefined || !Object.hasOwn(headers, name)) define(headers, name, value);
  else if (Array.isArray(before)) before.push(value);
  else headers[name] = [before, value];
}

function define(headers: Headers, name: string, value: HeaderValue): void {
  if (name !== '__proto__') headers[name] = value;
  else Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true });
}

/** The bytes of one record, read in order. */
class RecordReader {
  constructor(
    readonly buffer: Buffer,
    public at = 0,
  ) {}

  int8(): number {
    this.need(1);
    return this.buffer.readInt8(this.at++);
  }

  /** Zigzag, 32 bits. */
  varInt(): number {
    const { buffer } = this;
    let rest = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      this.need(1);
      const byte = buffer[this.at++]!;
      rest |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (rest >>> 1) ^ -(rest & 1);
    }
    throw new InvalidRecord('a varint of more than 32 bits');
  }

  /** Zigzag, 64 bits; exact below 2^52, which milliseconds are. */
  varLong(): number {
    let rest = 0;
    for (let factor = 1, bytes = 0; bytes < 10; bytes += 1, factor *= 0x80) {
      this.need(1);
      const byte = this.buffer[this.at++]!;
      rest += (byte & 0x7f) * factor;
      if (byte < 0x80) return rest % 2 === 0 ? rest / 2 : -(rest + 1) / 2;
    }
    throw new InvalidRecord('a varint of more than 64 bits');
  }

  /** A view of the bytes: a length, then as many; null below zero. */
  bytes(): Buffer | null {
    const length = this.varInt();
    if (length < 0) return null;
    const from = this.skip(length);
    return this.buffer.subarray(from, from + length);
  }

  /** Goes past `length` bytes; where they begin. */
  skip(length: number): number {
    const from = this.at;
    this.need(Math.max(length, 0));
    this.at += Math.max(length, 0);
    return from;
  }

  private need(bytes: number): void {
    if (this.at + bytes > this.buffer.length) throw new InvalidRecord('a record that ends before its fields do');
  }
}

interface Text {
  text: string;
  bytes: Buffer;
}

/** More names than this are not kept: a producer may name its headers as it likes. */
const NAMES_MAX = 256;
/** Longer values are made anew each time. */
const KEPT_BYTES_MAX = 128;

/** Texts of header names and values that were read before. */
class HeaderTexts {
  private readonly names = new Map<number, Text>();
  private readonly values = new Map<string, Text>();

  name(buffer: Buffer, from: number, length: number): string {
    if (length <= 0) return '';
    const mark = length * 0x10000 + buffer[from + length - 1]! * 0x100 + buffer[from + (length >> 1)]!;
    const known = this.names.get(mark);
    if (known && same(known.bytes, buffer, from, length)) return known.text;
    const text = buffer.toString('utf8', from, from + length);
    if (this.names.size < NAMES_MAX) this.names.set(mark, { text, bytes: copy(buffer, from, length) });
    return text;
  }

  /** Text where the bytes are ASCII, else the bytes: what they say is then for the reader to find. */
  value(name: string, buffer: Buffer, from: number, length: number): Buffer | string {
    const last = this.values.get(name);
    if (last && same(last.bytes, buffer, from, length)) return last.text;
    for (let at = from; at < from + length; at += 1) {
      if (buffer[at]! >= 0x80) return buffer.subarray(from, from + length);
    }
    const text = buffer.toString('latin1', from, from + length);
    if (length > KEPT_BYTES_MAX || (!last && this.values.size >= NAMES_MAX)) return text;
    if (last && last.bytes.length === length) {
      last.text = text;
      // Byte by byte: for so few of them, that is faster than a call that copies.
      for (let at = 0; at < length; at += 1) last.bytes[at] = buffer[from + at]!;
    } else this.values.set(name, { text, bytes: copy(buffer, from, length) });
    return text;
  }
}

/** Bytes of their own: a view would keep the whole fetch in memory. */
function copy(buffer: Buffer, from: number, length: number): Buffer {
  return Buffer.from(buffer.subarray(from, from + length));
}

/** From the end, where ids of one kind differ first. */
function same(bytes: Buffer, buffer: Buffer, from: number, length: number): boolean {
  if (bytes.length !== length) return false;
  for (let at = length - 1; at >= 0; at -= 1) if (bytes[at] !== buffer[from + at]) return false;
  return true;
}
