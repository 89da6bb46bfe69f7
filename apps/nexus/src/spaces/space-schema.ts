import { Bool, Field, FixedSizeList, Float32, Int32, Int64, Schema, TimestampMillisecond, Utf8 } from 'apache-arrow';

/** What a space's vectors were made by. Kept in the table's schema metadata; it never changes. */
export interface SpaceEmbedding {
  /** e.g. `hash-384`, `openai:text-embedding-3-small`. */
  readonly model: string;
  readonly dimension: number;
}

/**
 * Columns of a space's table. Three kinds of rows:
 * - a chunk: `tombstone` false, everything set;
 * - a tombstone of a removed document: `tombstone` true, `text`, `vector`, `terms` null, `chunk_index` -1;
 * - a commit row (statistics of one or more commits): the same, with `chunk_index` -2, an empty `document_id` and
 *   `statistics`. Its id begins with a tab, as no document's does.
 * Rows without text and vector are no candidates of a text or vector search; whatever else reads rows says {@link LIVE}.
 */
export const COLUMN = {
  /** `{document_id}#{chunk_index}`; of a tombstone `{document_id}#-`. Never null, unique at every version. */
  id: 'id',
  documentId: 'document_id',
  chunkIndex: 'chunk_index',
  text: 'text',
  vector: 'vector',
  /** The chunk's terms and how often each occurs: see {@link termFrequency}. */
  terms: 'terms',
  /** Tokens of the text (BM25's length of a document). */
  tokenCount: 'token_count',
  type: 'type',
  /** JSON text as it was given (JSON.stringify of it): what an answer returns. */
  metadata: 'metadata',
  /**
   * The same as Lance JSONB, for filters: `json_exists(metadata_json, '$ ? (@."key" > 5)')`. A comparison with a value
   * of another type is false, so that mixed types need no cast. 20,000 rows: 6-26 ms.
   */
  metadataJson: 'metadata_json',
  sourceUri: 'source_uri',
  occurredAt: 'occurred_at',
  sourceOffset: 'source_offset',
  tombstone: 'tombstone',
  /** Of commit rows alone: the change of the term statistics. */
  statistics: 'statistics',
} as const;

/** Predicate of rows that are chunks. */
export const LIVE = `${COLUMN.tombstone} = false`;

/** `chunk_index` of rows that are no chunks. */
export const TOMBSTONE_INDEX = -1;
export const COMMIT_INDEX = -2;

/**
 * How text becomes terms: the same for the full-text index (`Index.fts`), for the terms stored beside each chunk and
 * for queries. Changing it means rebuilding every space.
 */
export const TOKENIZER = {
  baseTokenizer: 'simple',
  language: 'English',
  maxTokenLength: 40,
  lowercase: true,
  stem: true,
  removeStopWords: true,
  asciiFolding: true,
} as const;

/** Distance of the vectors, of flat search and of the index: cosine; score = 1 - distance. */
export const DISTANCE = 'cosine';

const EMBEDDING_MODEL = 'runspine.embedding.model';
const EMBEDDING_DIMENSION = 'runspine.embedding.dimension';
/** What LanceDB's setUnenforcedPrimaryKey writes; said in the schema, the first commit is one version and atomic. */
const PRIMARY_KEY = new Map([
  ['lance-schema:unenforced-primary-key', 'true'],
  ['lance-schema:unenforced-primary-key:position', '1'],
]);
/** Lance keeps a column of this extension type as JSONB, whoever writes it as text. */
const JSON_TYPE = new Map([
  ['ARROW:extension:name', 'arrow.json'],
  ['ARROW:extension:metadata', ''],
]);

/** A quarter of the CPU time of LanceDB's add went into compressing texts and terms; uncompressed a chunk takes a third more. */
const UNCOMPRESSED = new Map([['lance-encoding:compression', 'none']]);

/** The Arrow schema of a space's table, as it is written: first with its primary key, from then on without. */
export function spaceSchema(embedding: SpaceEmbedding, creating = false): Schema {
  const text = new Utf8();
  return new Schema(
    [
      new Field(COLUMN.id, text, false, creating ? PRIMARY_KEY : undefined),
      new Field(COLUMN.documentId, text, false),
      new Field(COLUMN.chunkIndex, new Int32(), false),
      new Field(COLUMN.text, text, true, UNCOMPRESSED),
      new Field(COLUMN.vector, new FixedSizeList(embedding.dimension, new Field('item', new Float32(), true)), true),
      new Field(COLUMN.terms, text, true, UNCOMPRESSED),
      new Field(COLUMN.tokenCount, new Int32(), false),
      new Field(COLUMN.type, text, true),
      new Field(COLUMN.metadata, text, true),
      new Field(COLUMN.metadataJson, text, true, JSON_TYPE),
      new Field(COLUMN.sourceUri, text, true),
      new Field(COLUMN.occurredAt, new TimestampMillisecond('UTC'), true),
      new Field(COLUMN.sourceOffset, new Int64(), false),
      new Field(COLUMN.tombstone, new Bool(), false),
      new Field(COLUMN.statistics, text, true, UNCOMPRESSED),
    ],
    new Map([
      [EMBEDDING_MODEL, embedding.model],
      [EMBEDDING_DIMENSION, String(embedding.dimension)],
    ]),
  );
}

/** What a stored table says its vectors were made by. @throws Error when the table is none of a space */
export function embeddingOf(schema: { readonly metadata: ReadonlyMap<string, string> }): SpaceEmbedding {
  const model = schema.metadata.get(EMBEDDING_MODEL);
  const dimension = Number(schema.metadata.get(EMBEDDING_DIMENSION));
  if (model === undefined || !Number.isInteger(dimension)) throw new Error('the table says no embedding: not a space');
  return { model, dimension };
}

/**
 * How often the term of this needle occurs in a chunk, by its `terms`; 0 when it does not. `terms` is one string,
 * ` kafka:2 log:1 `, a space before and after each, which is searched as it stands. (Read back for 1,000 candidates it
 * costs a fraction of a list column, and scoring needs no tokens in order.)
 */
export function termFrequency(terms: string, needle: string): number {
  // The space before is compared last: to look for spaces would be to stop at every term.
  let at = terms.indexOf(needle);
  while (at > 0 && terms.charCodeAt(at - 1) !== SPACE) at = terms.indexOf(needle, at + 1);
  if (at < 0) return 0;
  let frequency = 0;
  for (let digit = at + needle.length; ; digit++) {
    const code = terms.charCodeAt(digit);
    if (!(code >= DIGIT_0 && code <= DIGIT_9)) return frequency;
    frequency = 10 * frequency + code - DIGIT_0;
  }
}

const [SPACE, DIGIT_0, DIGIT_9] = [0x20, 0x30, 0x39];

/** A term and what follows it in `terms`. It holds letters and digits only, neither space nor colon. */
export function termNeedle(term: string): string {
  return `${term}:`;
}

/** All terms of a chunk with their counts. */
export function* decodeTerms(terms: string): Generator<[term: string, count: number]> {
  let from = 1;
  while (from < terms.length) {
    const colon = terms.indexOf(':', from);
    const end = terms.indexOf(' ', colon);
    yield [terms.slice(from, colon), Number(terms.slice(colon + 1, end))];
    from = end + 1;
  }
}

/** A string as an SQL literal: the one place where text becomes part of a predicate. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
