import type { Embedder } from './embedder.js';

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/** Two neighbouring words say less about a text than each of them. */
const PAIR_WEIGHT = 0.5;
const WORD = /[\p{L}\p{N}]+/gu;

/**
 * Feature hashing (Weinberger et al., 2009): each word, and each pair of neighbours, adds or takes away at a place that
 * its hash names. Needs no model, and the same text has the same vector on every machine; it knows words, not meaning.
 */
export class HashEmbedder implements Embedder {
  readonly model: string;
  readonly semantic = false;

  constructor(readonly dimension = 384) {
    this.model = `hash-${dimension}`;
  }

  async embed(texts: readonly string[], _purpose: string, signal: AbortSignal): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    let sinceYield = 0;
    for (const text of texts) {
      vectors.push(hashVector(text, this.dimension));
      sinceYield += text.length;
      if (sinceYield < 200_000) continue;
      sinceYield = 0;
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
    }
    return vectors;
  }
}

function hashVector(text: string, dimension: number): Float32Array {
  const counts = new Map<string, number>();
  let before: string | undefined;
  for (const [word] of text.normalize('NFKC').toLowerCase().matchAll(WORD)) {
    counts.set(word, (counts.get(word) ?? 0) + 1);
    if (before !== undefined) {
      const pair = `${before} ${word}`;
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    before = word;
  }
  // Without words, the text itself: what only punctuation tells apart still differs.
  if (counts.size === 0) counts.set(text.trim(), 1);
  const sums = new Float64Array(dimension);
  for (const [feature, count] of counts) {
    const hash = hash32(feature);
    const weight = (1 + Math.log(count)) * (feature.includes(' ') ? PAIR_WEIGHT : 1);
    const place = (hash >>> 1) % dimension;
    sums[place] = (sums[place] ?? 0) + ((hash & 1) === 0 ? weight : -weight);
  }
  // Opposite signs may cancel out all there was; a vector of no direction could not be compared.
  if (sums.every((value) => value === 0)) sums[0] = 1;
  const length = Math.sqrt(sums.reduce((total, value) => total + value * value, 0));
  return Float32Array.from(sums, (value) => value / length);
}

/** FNV-1a over UTF-16 code units, with MurmurHash3's finish, since sign and place need every bit well mixed. */
function hash32(text: string): number {
  let hash = FNV_OFFSET;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
