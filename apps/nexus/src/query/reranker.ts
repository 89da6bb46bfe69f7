/** Scores texts against a query, anew and together. Its implementations: `http` and `lexical`. */
export interface Reranker {
  /** What the answer names as the model that ordered it. */
  readonly model: string;
  /**
   * One finite score a text, in the order of the texts; higher is better.
   * @throws ServiceError `nexus.reranker_unavailable` (the same call may succeed later) or `nexus.reranker_invalid`.
   */
  score(query: string, texts: readonly string[], signal: AbortSignal): Promise<number[]>;
}
