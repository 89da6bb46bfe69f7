import { connect, type Table } from '@lancedb/lancedb';
import {
  Field,
  FixedSizeList,
  Float32,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table as ArrowTable,
  Utf8,
} from 'apache-arrow';
import type { DocumentChange } from '../../../apps/nexus/dist/spaces/document-change.js';
import { DIMENSION } from '../nexus-corpus.ts';

const SCHEMA = new Schema([
  new Field('id', new Utf8(), false),
  new Field('text', new Utf8(), true),
  new Field('vector', new FixedSizeList(DIMENSION, new Field('item', new Float32(), true)), true),
]);

/**
 * The limit of an ingest: raw LanceDB in process, ids, texts and vectors appended as Arrow columns that are put
 * together by hand. No other columns, no terms and statistics, no fence, nothing replaced.
 */
export class RawTable {
  private table: Table | undefined;
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  async add(documents: readonly DocumentChange[]): Promise<void> {
    const data = arrowOf(documents);
    if (this.table) await this.table.add(data);
    else this.table = await (await connect(this.folder)).createTable('raw', data);
  }
}

function arrowOf(documents: readonly DocumentChange[]): ArrowTable {
  const length = documents.length;
  const vectors = new Float32Array(length * DIMENSION);
  documents.forEach(({ chunks }, at) => vectors.set(chunks[0]!.vector, at * DIMENSION));
  const child = makeData({ type: new Float32(), length: vectors.length, nullCount: 0, data: vectors });
  const type = SCHEMA.fields[2]!.type as FixedSizeList;
  const children = [
    utf8(documents.map(({ documentId }) => documentId)),
    utf8(documents.map(({ chunks }) => chunks[0]!.text)),
    makeData({ type, length, nullCount: 0, child }),
  ];
  const data = makeData({ type: new Struct(SCHEMA.fields), length, nullCount: 0, children });
  return new ArrowTable(SCHEMA, [new RecordBatch(SCHEMA, data)]);
}

/** All of it is ASCII. */
function utf8(texts: readonly string[]) {
  const valueOffsets = new Int32Array(texts.length + 1);
  texts.forEach((text, at) => (valueOffsets[at + 1] = valueOffsets[at]! + text.length));
  const data = Buffer.from(texts.join(''), 'latin1');
  return makeData({ type: new Utf8(), length: texts.length, nullCount: 0, valueOffsets, data });
}
