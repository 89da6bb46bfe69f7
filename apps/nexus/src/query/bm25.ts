import { termFrequency, termNeedle } from '../spaces/space-schema.js';

/** What damps the repeats of a term, and how much a long chunk counts less: the values that Lucene and LanceDB take. */
export const BM25_K1 = 1.2;
export const BM25_B = 0.75;

/** Counts of a corpus, which may lie in several sources. */
export interface CorpusStatistics {
  readonly chunks: number;
  readonly tokens: number;
  readonly documentFrequency: ReadonlyMap<string, number>;
}

/** The counts of all sources together: as if they were one corpus. */
export function pooled(sources: readonly CorpusStatistics[]): CorpusStatistics {
  const documentFrequency = new Map<string, number>();
  let chunks = 0;
  let tokens = 0;
  for (const source of sources) {
    chunks += source.chunks;
    tokens += source.tokens;
    for (const [term, count] of source.documentFrequency) {
      documentFrequency.set(term, (documentFrequency.get(term) ?? 0) + count);
    }
  }
  return { chunks, tokens, documentFrequency };
}

/** Okapi BM25 with idf = ln(1 + (N - df + 0.5) / (df + 0.5)). A term that the query repeats counts as often. */
export class Bm25 {
  private readonly needles: readonly string[];
  private readonly weights: readonly number[];
  private readonly meanLength: number;

  constructor(queryTerms: readonly string[], statistics: CorpusStatistics) {
    const { chunks, tokens, documentFrequency } = statistics;
    this.meanLength = chunks === 0 ? 0 : tokens / chunks;
    const repeats = new Map<string, number>();
    for (const term of queryTerms) repeats.set(term, (repeats.get(term) ?? 0) + 1);
    // Sums of doubles depend on their order: sorted terms give a chunk one score, whatever the order of the words.
    const sorted = [...repeats].sort(([one], [other]) => (one < other ? -1 : 1));
    this.needles = sorted.map(([term]) => termNeedle(term));
    this.weights = sorted.map(([term, count]) => count * idf(documentFrequency.get(term) ?? 0, chunks));
  }

  /** The score of a chunk by its `terms` and its length in tokens; 0 when it has none of the query's terms. */
  score(terms: string, length: number): number {
    const frequencies = this.counts();
    this.count(terms, frequencies);
    return this.scoreOf(frequencies, length);
  }

  /** Room for `count`. */
  counts(): Float64Array {
    return new Float64Array(this.needles.length);
  }

  /** Counts how often a chunk has each of the query's terms: for whoever scores it by several statistics. */
  count(terms: string, into: Float64Array): void {
    for (let at = 0; at < into.length; at++) into[at] = termFrequency(terms, this.needles[at] as string);
  }

  /** The score of a chunk by what `count` found, of this or another scorer of the same query. */
  scoreOf(frequencies: Float64Array, length: number): number {
    const damping = BM25_K1 * (1 - BM25_B + (BM25_B * length) / this.meanLength);
    let score = 0;
    for (let at = 0; at < frequencies.length; at++) {
      const frequency = frequencies[at] as number;
      if (frequency > 0) score += ((this.weights[at] as number) * frequency * (BM25_K1 + 1)) / (frequency + damping);
    }
    return score;
  }
}

/** How much a term tells: the rarer, the more. */
export function idf(documentFrequency: number, chunks: number): number {
  return Math.log(1 + (chunks - documentFrequency + 0.5) / (documentFrequency + 0.5));
}
