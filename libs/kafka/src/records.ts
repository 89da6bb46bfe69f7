/** Header values as the broker gives them: several under one name are an array, a null value is null. */
export type RecordHeaders = Readonly<Record<string, Buffer | string | null | undefined | (Buffer | string | null)[]>>;

/** A record as read: key, value and header values are raw bytes. */
export interface KafkaRecord {
  readonly topic: string;
  readonly partition: number;
  /** Below 2^53. */
  readonly offset: number;
  /** Unix milliseconds, of the producer or the broker as the topic is configured. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  /** null is a tombstone. */
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
}

/** A record to be written. The partition is always explicit: see `partitionFor`. */
export interface OutgoingRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: string | Buffer | null;
  readonly value: string | Buffer | null;
  readonly headers?: RecordHeaders;
}

/** Where a record was written. `offset` is absent only where the broker did not tell. */
export interface RecordPosition {
  readonly partition: number;
  readonly offset?: number;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** The text of a header, undefined where there is none; the first of several. */
export function headerText(headers: RecordHeaders, name: string): string | undefined {
  if (!Object.hasOwn(headers, name)) return undefined;
  const value = headers[name];
  const first = Array.isArray(value) ? value[0] : value;
  if (first === undefined || first === null) return undefined;
  return typeof first === 'string' ? first : first.toString('utf8');
}

/** Bytes that a record takes in a batch, within a few percent: what bounds are counted in. */
export function recordBytes(record: Pick<OutgoingRecord, 'key' | 'value' | 'headers'>): number {
  let bytes = 24 + byteLength(record.key) + byteLength(record.value);
  const headers = record.headers;
  for (const name in headers) {
    const value = headers[name];
    for (const one of Array.isArray(value) ? value : [value]) bytes += 4 + name.length + byteLength(one);
  }
  return bytes;
}

function byteLength(value: string | Buffer | null | undefined): number {
  if (value === null || value === undefined) return 0;
  return typeof value === 'string' ? Buffer.byteLength(value) : value.length;
}
