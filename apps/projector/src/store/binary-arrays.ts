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

/** Of the widest value that is not text. */
const FIXED_BYTES_MAX = 20;
const NULL = -1;
const EPOCH_MS = Date.UTC(2000, 0, 1);
const TWO_32 = 2 ** 32;

/**
 * The rows as one array a column, in PostgreSQL's binary form (src/backend/utils/adt/arrayfuncs.c, array_send): a third
 * of the work of the text form on both sides, since nothing is quoted, parsed or escaped.
 */
export function arraysOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Buffer[] {
  if (rows.length === 0) return columns.map(({ type }) => header(type, 0));
  const writer = new ArrayWriter(rows.length);
  return columns.map((column) => writer.column(column, rows));
}

/** An array of texts, for statements that ask. */
export function textArray(values: readonly string[]): Buffer {
  return arraysOf([{ name: '', type: 'text', of: (value: string) => value }], values)[0]!;
}

/** For any number of rows: `INSERT … SELECT … FROM unnest(…)`, an array a column, from parameter `$first` on. */
export function insertFrom<Row>(table: string, columns: readonly Column<Row>[], first: number, suffix = ''): string {
  const names = columns.map((column) => column.name).join(', ');
  return `INSERT INTO ${table} (${names}) SELECT ${names} FROM ${unnested(columns, first, 'given')} ${suffix}`;
}

/** `unnest` of a statement's arrays from parameter `$first` on, with their names: `unnest($3::text[], …) AS name(a, …)`. */
export function unnested<Row>(columns: readonly Column<Row>[], first: number, name: string): string {
  const arrays = columns.map((column, index) => `$${first + index}::${column.type}[]`);
  return `unnest(${arrays.join(', ')}) AS ${name}(${columns.map((column) => column.name).join(', ')})`;
}

function header(type: ColumnType, count: number): Buffer {
  const bytes = Buffer.alloc(count === 0 ? 12 : 20);
  bytes.writeInt32BE(count === 0 ? 0 : 1, 0);
  bytes.writeInt32BE(1, 4);
  bytes.writeInt32BE(OIDS[type], 8);
  if (count > 0) {
    bytes.writeInt32BE(count, 12);
    bytes.writeInt32BE(1, 16);
  }
  return bytes;
}

/** Writes columns one after another into buffers that they share. */
class ArrayWriter {
  private buffer: Buffer;
  private at = 0;
  private lastTime = '';
  private lastMicroseconds = 0;

  constructor(private readonly count: number) {
    this.buffer = Buffer.allocUnsafeSlow(64 * count + 4096);
  }

  column<Row>({ type, of }: Column<Row>, rows: readonly Row[]): Buffer {
    let from = this.at;
    from = this.need(20, from);
    this.at += header(type, this.count).copy(this.buffer, this.at);
    for (let index = 0; index < rows.length; index += 1) {
      const value = of(rows[index]!);
      from = this.need(typeof value === 'string' ? FIXED_BYTES_MAX + 3 * value.length : FIXED_BYTES_MAX, from);
      if (value === null || value === undefined) this.at = this.buffer.writeInt32BE(NULL, this.at);
      else if (typeof value === 'number') this.number(type, value);
      else this.string(type, value);
    }
    return this.buffer.subarray(from, this.at);
  }

  private number(type: ColumnType, value: number): void {
    const { buffer } = this;
    if (type === 'double precision') {
      const at = buffer.writeInt32BE(8, this.at);
      this.at = buffer.writeDoubleBE(value, at);
      return;
    }
    if (!Number.isSafeInteger(value) || (type === 'integer' && value !== (value | 0))) {
      throw new NumberOutOfRange(`${value} is out of range for type ${type}`);
    }
    const at = buffer.writeInt32BE(type === 'integer' ? 4 : 8, this.at);
    this.at = type === 'integer' ? buffer.writeInt32BE(value, at) : this.int64(value, at);
  }

  private int64(value: number, at: number): number {
    const high = Math.floor(value / TWO_32);
    this.buffer.writeInt32BE(high, at);
    return this.buffer.writeUInt32BE(value - high * TWO_32, at + 4);
  }

  private string(type: ColumnType, value: string): void {
    const { buffer } = this;
    const from = this.at + 4;
    let to: number;
    if (type === 'uuid') to = writeUuid(buffer, from, value);
    else if (type === 'timestamptz') to = this.int64(this.microseconds(value), from);
    else if (type === 'bytea') to = from + buffer.write(value, from, 'hex');
    else if (type === 'jsonb') {
      buffer[from] = 1;
      to = from + 1 + buffer.write(value, from + 1, 'utf8');
    } else to = from + buffer.write(value, from, 'utf8');
    buffer.writeInt32BE(to - from, this.at);
    this.at = to;
  }

  /** Since 2000, as PostgreSQL counts. A batch is recorded at one time. */
  private microseconds(time: string): number {
    if (time !== this.lastTime) {
      this.lastTime = time;
      this.lastMicroseconds = (Date.parse(time) - EPOCH_MS) * 1000;
    }
    return this.lastMicroseconds;
  }

  /** Room for as many bytes; a column that has begun goes along into a larger buffer. Where it begins now. */
  private need(bytes: number, from: number): number {
    if (this.at + bytes <= this.buffer.length) return from;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.buffer.length, this.at - from + bytes));
    this.buffer.copy(larger, 0, from, this.at);
    this.buffer = larger;
    this.at -= from;
    return 0;
  }
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
