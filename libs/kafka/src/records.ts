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
  /** What it takes in its batch, where that is known. */
  readonly bytes?: number | undefined;
  /**
   * It stands for a batch that is too large to be unpacked, and says of which offsets: without key, value and headers, at
   * the last of them. @see UNPACKED_BYTES_MAX
   */
  readonly unread?: string | undefined;
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

/** Bytes that a record takes in a batch, within a few percent where headers are ASCII: what bounds are counted in. */
export function recordBytes(record: Pick<OutgoingRecord, 'key' | 'value' | 'headers'>): number {
  const { key, value, headers } = record;
  let bytes = 24 + (key?.length ?? 0) + (typeof value === 'string' ? Buffer.byteLength(value) : (value?.length ?? 0));
  for (const name in headers) {
    const header = headers[name];
    if (Array.isArray(header)) for (const one of header) bytes += 4 + name.length + (one?.length ?? 0);
    else bytes += 4 + name.length + (header?.length ?? 0);
  }
  return bytes;
}
