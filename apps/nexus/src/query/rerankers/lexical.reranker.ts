import type { Reranker } from '../reranker.js';

const K1 = 1.2;
const B = 0.75;
/** What a pair of the query's neighbouring words is worth, in units of the pair's rarer word. */
const PAIR_WEIGHT = 0.5;
const WORD = /[\p{L}\p{N}]+/gu;

/**
 * Orders texts by their words, without a model; the same input has the same scores everywhere.
 *
 * score(text) = Σ over the query's words of idf(w) · tf · (k1 + 1) / (tf + k1 · (1 - b + b · length / mean length))
 *             + 0.5 · Σ over pairs of the query's neighbouring words that stand side by side in the text of
 *               max(idf(w1), idf(w2))
 *
 * with k1 = 1.2, b = 0.75, idf(w) = ln(1 + (n - df + 0.5) / (df + 0.5)), and n, df and mean length those of the texts
 * given. Words are runs of letters and digits after NFKC, in lower case.
 */
export class LexicalReranker implements Reranker {
  readonly model = 'lexical';

  async score(query: string, texts: readonly string[], signal: AbortSignal): Promise<number[]> {
    signal.throwIfAborted();
    const asked = wordsOf(query);
    const terms = new Set(asked);
    const documents = texts.map(wordsOf);
    const meanLength = documents.reduce((total, words) => total + words.length, 0) / Math.max(1, documents.length);
    const counts = documents.map((words) => countsOf(words, terms));
    const rarity = new Map<string, number>();
    for (const term of terms) {
      const df = counts.reduce((total, count) => total + (count.has(term) ? 1 : 0), 0);
      rarity.set(term, Math.log(1 + (documents.length - df + 0.5) / (df + 0.5)));
    }
    const pairs = pairsOf(asked);
    return documents.map((words, index) => {
      let score = 0;
      for (const [term, tf] of counts[index] ?? []) {
        const norm = K1 * (1 - B + (B * words.length) / meanLength);
        score += ((rarity.get(term) ?? 0) * tf * (K1 + 1)) / (tf + norm);
      }
      const present = pairsOf(words);
      for (const [pair, [first, second]] of pairs) {
        if (present.has(pair)) score += PAIR_WEIGHT * Math.max(rarity.get(first) ?? 0, rarity.get(second) ?? 0);
      }
      return score;
    });
  }
}

function wordsOf(text: string): string[] {
  return Array.from(text.normalize('NFKC').toLowerCase().matchAll(WORD), ([word]) => word);
}

function countsOf(words: readonly string[], terms: ReadonlySet<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) if (terms.has(word)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function pairsOf(words: readonly string[]): Map<string, [string, string]> {
  const pairs = new Map<string, [string, string]>();
  for (const [index, word] of words.entries()) {
    const next = words[index + 1];
    if (next !== undefined) pairs.set(`${word} ${next}`, [word, next]);
  }
  return pairs;
}
