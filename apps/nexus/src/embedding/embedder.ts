/** What a text is embedded for: some models treat what is stored and what is asked differently. */
export type EmbeddingPurpose = 'document' | 'query';

/** Turns texts into vectors. Its implementations: `hash`, `openai`, `transformers`. */
export interface Embedder {
  /** What a space records of it, such as `hash-384` or `openai:text-embedding-3-small`. */
  readonly model: string;
  /** Numbers in a vector; undefined until the first answer. */
  readonly dimension: number | undefined;
  /** Whether near vectors mean near in sense: not so for `hash`, where mode `auto` is therefore text. */
  readonly semantic: boolean;
  /**
   * One vector a text, in order, each of length 1.
   * @throws ServiceError `nexus.embedder_unavailable` (the same call may succeed later) or `nexus.embedder_invalid`.
   */
  embed(texts: readonly string[], purpose: EmbeddingPurpose, signal: AbortSignal): Promise<Float32Array[]>;
}
