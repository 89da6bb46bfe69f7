import {
  Bool,
  Float32,
  Int32,
  Int64,
  RecordBatch,
  Struct,
  Table,
  TimestampMillisecond,
  Utf8,
  makeData,
  type Data,
  type FixedSizeList,
  type Schema,
} from 'apache-arrow';
import type { DocumentChange, NewChunk } from './document-change.js';
import { COMMIT_INDEX, TOMBSTONE_INDEX, spaceSchema, type SpaceEmbedding } from './space-schema.js';
import type { TextTerms } from './text-terms.js';

/** One row to write: a chunk, a tombstone (no chunk) or a commit row (no change). */
export interface SpaceRow {
  readonly id: string;
  readonly chunkIndex: number;
  readonly change?: DocumentChange;
  readonly chunk?: NewChunk;
  readonly terms?: TextTerms;
  readonly statistics?: string;
}

/** The rows of a change; `terms` are of its chunks, in order. */
export function rowsOf(change: DocumentChange, terms: readonly TextTerms[]): SpaceRow[] {
  if (change.chunks.length === 0) return [{ id: `${change.documentId}#-`, chunkIndex: TOMBSTONE_INDEX, change }];
  return change.chunks.map((chunk, chunkIndex) => ({
    id: `${change.documentId}#${chunkIndex}`,
    chunkIndex,
    change,
    chunk,
    terms: terms[chunkIndex] as TextTerms,
  }));
}

/** The row that carries the statistics of a commit, in the same version as what it counts. */
export function commitRow(id: string, statistics: string): SpaceRow {
  return { id, chunkIndex: COMMIT_INDEX, statistics };
}

/** An Arrow table of these batches; `creating` when it is a space's first. */
export function arrowTable(embedding: SpaceEmbedding, batches: readonly RecordBatch[], creating = false): Table {
  const schema = spaceSchema(embedding, creating);
  return new Table(
    schema,
    batches.map(({ data }) => new RecordBatch(schema, data)),
  );
}

/** The rows as an Arrow batch, each column one buffer: builders that go value by value cost more than LanceDB itself. */
export function arrowRows(embedding: SpaceEmbedding, rows: readonly SpaceRow[]): RecordBatch {
  const schema = spaceSchema(embedding);
  const length = rows.length;
  const metadata = utf8(rows, (row) => row.chunk && JSON.stringify(row.chunk.metadata));
  const children: Data[] = [
    utf8(rows, (row) => row.id),
    utf8(rows, (row) => row.change?.documentId ?? ''),
    makeData({ type: new Int32(), length, nullCount: 0, data: Int32Array.from(rows, (row) => row.chunkIndex) }),
    utf8(rows, (row) => row.chunk?.text),
    vectors(schema, embedding.dimension, rows),
    bytes(rows, (row) => row.terms?.encoded),
    makeData({
      type: new Int32(),
      length,
      nullCount: 0,
      data: Int32Array.from(rows, (row) => row.terms?.tokenCount ?? 0),
    }),
    utf8(rows, (row) => row.change?.type),
    metadata,
    metadata,
    utf8(rows, (row) => row.change?.sourceUri),
    times(rows),
    makeData({
      type: new Int64(),
      length,
      nullCount: 0,
      data: BigInt64Array.from(rows, (row) => BigInt(row.change?.sourceOffset ?? 0)),
    }),
    makeData({ type: new Bool(), length, nullCount: 0, data: bits(rows, (row) => row.chunk === undefined).bits }),
    utf8(rows, (row) => row.statistics),
  ];
  const data = makeData({ type: new Struct(schema.fields), length, nullCount: 0, children });
  return new RecordBatch(schema, data);
}

function utf8(rows: readonly SpaceRow[], value: (row: SpaceRow) => string | undefined): Data<Utf8> {
  const values = rows.map(value);
  const joined = values.join('');
  // Mostly ASCII: then one call encodes a column, in the place of two for each value.
  const ascii = Buffer.byteLength(joined) === joined.length;
  if (!ascii) return bytes(values, (text) => (text === undefined ? undefined : Buffer.from(text)));
  const offsets = new Int32Array(rows.length + 1);
  values.forEach((text, at) => (offsets[at + 1] = (offsets[at] as number) + (text?.length ?? 0)));
  const valid = bits(values, (text) => text !== undefined);
  return text(rows.length, valid, offsets, Buffer.from(joined, 'latin1'));
}

function bytes<Value>(values: readonly Value[], of: (value: Value) => Uint8Array | undefined): Data<Utf8> {
  const parts = values.map(of);
  const offsets = new Int32Array(values.length + 1);
  parts.forEach((part, at) => (offsets[at + 1] = (offsets[at] as number) + (part?.length ?? 0)));
  const data = Buffer.allocUnsafe(offsets[values.length] as number);
  parts.forEach((part, at) => part && data.set(part, offsets[at]));
  const valid = bits(parts, (part) => part !== undefined);
  return text(values.length, valid, offsets, data);
}

function text(length: number, valid: Bits, valueOffsets: Int32Array, data: Uint8Array): Data<Utf8> {
  const nullCount = length - valid.count;
  return makeData({ type: new Utf8(), length, nullCount, nullBitmap: valid.bits, valueOffsets, data });
}

function vectors(schema: Schema, dimension: number, rows: readonly SpaceRow[]): Data<FixedSizeList> {
  const data = new Float32Array(rows.length * dimension);
  rows.forEach((row, at) => row.chunk && data.set(row.chunk.vector, at * dimension));
  const valid = bits(rows, (row) => row.chunk !== undefined);
  const type = schema.fields.find((field) => field.name === 'vector')?.type as FixedSizeList;
  const child = makeData({ type: new Float32(), length: data.length, nullCount: 0, data });
  return makeData({ type, length: rows.length, nullCount: rows.length - valid.count, nullBitmap: valid.bits, child });
}

function times(rows: readonly SpaceRow[]): Data<TimestampMillisecond> {
  const valid = bits(rows, (row) => row.change?.occurredAt !== undefined);
  const data = BigInt64Array.from(rows, (row) =>
    BigInt(row.change?.occurredAt ? Date.parse(row.change.occurredAt) : 0),
  );
  return makeData({
    type: new TimestampMillisecond('UTC'),
    length: rows.length,
    nullCount: rows.length - valid.count,
    nullBitmap: valid.bits,
    data,
  });
}

interface Bits {
  readonly bits: Uint8Array;
  readonly count: number;
}

/** Arrow's bitmap, lowest bit first, of where the test holds. */
function bits<Value>(values: readonly Value[], test: (value: Value) => boolean): Bits {
  const bitmap = new Uint8Array(Math.ceil(values.length / 64) * 8);
  let count = 0;
  values.forEach((value, at) => {
    if (!test(value)) return;
    bitmap[at >> 3] = (bitmap[at >> 3] as number) | (1 << (at & 7));
    count++;
  });
  return { bits: bitmap, count };
}
