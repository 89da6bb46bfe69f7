/** One chunk as it is to be stored: text, its vector, and what its writer says of it. */
export interface NewChunk {
  /** May be empty: such a chunk is found by its vector alone. */
  readonly text: string;
  /** As long as the space's dimension, finite. */
  readonly vector: Float32Array;
  /** Returned as the same JSON, and filterable by top-level key. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What becomes of one document: its chunks replace all that the space has of it. */
export interface DocumentChange {
  /** 1 to 512 printable characters. */
  readonly documentId: string;
  /** Where in the space's logs the change stands: see `fenceOf`. A document never goes back to an older one. */
  readonly sourceOffset: number;
  readonly type?: string;
  readonly sourceUri?: string;
  /** RFC 3339, kept to the millisecond. */
  readonly occurredAt?: string;
  /** None: the document is removed, and leaves a tombstone that remembers the offset. */
  readonly chunks: readonly NewChunk[];
}
