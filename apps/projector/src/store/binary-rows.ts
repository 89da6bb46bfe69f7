import { epochMsOf } from '@runspine/contracts';

/** PostgreSQL types of columns, as their values are given: `bytea` as hex, `timestamptz` as RFC 3339 in UTC. */
export type ColumnType =
  'text' | 'bigint' | 'integer' | 'double precision' | 'uuid' | 'timestamptz' | 'json' | 'jsonb' | 'bytea';

/** A column of a set-based statement: how a row gives its value. json and jsonb are given as JSON text. */
export interface Column<Row> {
  name: string;
  type: ColumnType;
  of: (row: Row) => string | number | null | undefined;
}

/** A number that the column's type cannot hold: what PostgreSQL says, said before it is asked. */
export class NumberOutOfRange extends RangeError {
  override readonly name = 'NumberOutOfRange';
  readonly sqlstate = '22003';
}

const OIDS: Record<ColumnType, number> = {
  text: 25,
  bigint: 20,
  integer: 23,
  'double precision': 701,
  uuid: 2950,
  timestamptz: 1184,
  json: 114,
  jsonb: 3802,
  bytea: 17,
};

/** Of an array in which no element has a type that PostgreSQL made itself: it takes any such array for its own. */
const OID_OF_RECORD = 2249;

/** Type, length and the widest value that is not text. */
const FIXED_BYTES_MAX = 28;
const HEADER_BYTES = 20;
/** What rows and texts of ours take on average, and a little more. */
const ROW_BYTES = 256;
const COLUMN_BYTES = 20;
const TEXT_BYTES = 64;
const NULL = -1;
const EPOCH_MS = Date.UTC(2000, 0, 1);
const TWO_32 = 2 ** 32;

/**
 * The rows as one array of a composite type, in PostgreSQL's binary form (src/backend/utils/adt/arrayfuncs.c, array_send,
 * and rowtypes.c, record_send): nothing is quoted, parsed or escaped on either side, and PostgreSQL goes through one
 * array, where an array a column costs it a stored set for each of them.
 * @param columns all of the composite type, in its order.
 */
export function rowArray<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Buffer {
  const writer = new ArrayWriter(rows.length * (ROW_BYTES + COLUMN_BYTES * columns.length));
  writer.header(OID_OF_RECORD, rows.length);
  for (const row of rows) writer.row(columns, row);
  return writer.written();
}

/** An array of texts, for statements that ask. */
export function textArray(values: readonly string[]): Buffer {
  const writer = new ArrayWriter(TEXT_BYTES * values.length);
  writer.header(OIDS.text, values.length);
  for (const value of values) writer.value('text', value);
  return writer.written();
}

/** For any number of rows: `INSERT … SELECT … FROM unnest(…)` of parameter `$at`, an array of the type `rows`. */
export function insertFrom<Row>(
  { table, rows }: { table: string; rows: string },
  columns: readonly Column<Row>[],
  at: number,
  suffix = '',
): string {
  const names = columns.map((column) => column.name).join(', ');
  return `INSERT INTO ${table} (${names}) SELECT ${names} FROM unnest($${at}::${rows}[]) AS given ${suffix}`;
}

/** Writes an array's values one after another. */
class ArrayWriter {
  private buffer: Buffer;
  private at = 0;

  /** @param bytes what it will take, more or less. */
  constructor(bytes: number) {
    this.buffer = Buffer.allocUnsafeSlow(HEADER_BYTES + bytes);
  }

  written(): Buffer {
    return this.buffer.subarray(0, this.at);
  }

  header(oid: number, count: number): void {
    const { buffer } = this;
    let at = buffer.writeInt32BE(count === 0 ? 0 : 1, 0);
    at = buffer.writeInt32BE(0, at);
    at = buffer.writeInt32BE(oid, at);
    if (count > 0) {
      at = buffer.writeInt32BE(count, at);
      at = buffer.writeInt32BE(1, at);
    }
    this.at = at;
  }

  row<Row>(columns: readonly Column<Row>[], row: Row): void {
    this.need(8);
    const from = this.at;
    this.at = this.int32(columns.length, from + 4);
    for (const { type, of } of columns) {
      const value = of(row);
      this.need(typeof value === 'string' ? FIXED_BYTES_MAX + 3 * value.length : FIXED_BYTES_MAX);
      this.at = this.int32(OIDS[type], this.at);
      this.write(type, value);
    }
    this.int32(this.at - from - 4, from);
  }

  value(type: ColumnType, value: string): void {
    this.need(FIXED_BYTES_MAX + 3 * value.length);
    this.write(type, value);
  }

  private write(type: ColumnType, value: string | number | null | undefined): void {
    if (value === null || value === undefined) this.at = this.int32(NULL, this.at);
    else if (typeof value === 'number') this.number(type, value);
    else this.string(type, value);
  }

  private number(type: ColumnType, value: number): void {
    if (type === 'double precision') {
      this.at = this.buffer.writeDoubleBE(value, this.int32(8, this.at));
      return;
    }
    if (!Number.isSafeInteger(value) || (type === 'integer' && value !== (value | 0))) {
      throw new NumberOutOfRange(`${value} is out of range for type ${type}`);
    }
    const at = this.int32(type === 'integer' ? 4 : 8, this.at);
    this.at = type === 'integer' ? this.int32(value, at) : this.int64(value, at);
  }

  /** Big-endian, any of 32 bits: without the checks of `writeInt32BE`, which are most of its work. */
  private int32(value: number, at: number): number {
    const { buffer } = this;
    buffer[at] = value >>> 24;
    buffer[at + 1] = value >>> 16;
    buffer[at + 2] = value >>> 8;
    buffer[at + 3] = value;
    return at + 4;
  }

  private int64(value: number, at: number): number {
    const high = Math.floor(value / TWO_32);
    return this.int32(value - high * TWO_32, this.int32(high, at));
  }

  private string(type: ColumnType, value: string): void {
    const { buffer } = this;
    const from = this.at + 4;
    let to: number;
    if (type === 'uuid') to = writeUuid(buffer, from, value);
    else if (type === 'timestamptz') to = this.int64(microsecondsOf(value), from);
    else if (type === 'bytea') to = from + buffer.write(value, from, 'hex');
    else if (type === 'jsonb') {
      buffer[from] = 1;
      to = from + 1 + buffer.write(value, from + 1, 'utf8');
    } else to = from + buffer.write(value, from, 'utf8');
    this.int32(to - from, this.at);
    this.at = to;
  }

  private need(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.buffer.length, this.at + bytes));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
  }
}

/** Since 2000, as PostgreSQL counts. */
function microsecondsOf(time: string): number {
  return ((epochMsOf(time) ?? Date.parse(time)) - EPOCH_MS) * 1000;
}

/** The value of a hex digit's character code. */
const DIGITS = new Uint8Array(128);
for (const digits of ['0123456789abcdef', '0123456789ABCDEF']) {
  for (let value = 0; value < 16; value += 1) DIGITS[digits.charCodeAt(value)] = value;
}

/** A UUID's 16 bytes; it is one, since the contracts checked it. */
function writeUuid(buffer: Buffer, from: number, uuid: string): number {
  let at = from;
  for (let index = 0; index < 36; index += 2) {
    if (index === 8 || index === 13 || index === 18 || index === 23) index += 1;
    buffer[at++] = (DIGITS[uuid.charCodeAt(index)]! << 4) | DIGITS[uuid.charCodeAt(index + 1)]!;
  }
  return at;
}
