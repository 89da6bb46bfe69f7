import type { PinnedSpace } from '../spaces/pinned-space.js';

/** Terms that count, of a longer query the first. */
export const QUERY_TERMS_MAX = 1024;

/** A query's words with the terms that the tokeniser makes of each. */
export interface TextQuery {
  readonly text: string;
  readonly words: readonly { readonly word: string; readonly terms: readonly string[] }[];
  readonly terms: readonly string[];
}

const BETWEEN_WORDS = /[^\p{Alphabetic}\p{N}]+/u;

/** Any source tells the terms: all have one tokeniser. */
export async function readTextQuery(text: string, space: PinnedSpace): Promise<TextQuery> {
  const words = new Map<string, readonly string[]>();
  const terms: string[] = [];
  for (const word of text.split(BETWEEN_WORDS)) {
    if (word === '') continue;
    const known = words.get(word) ?? (await space.statistics.tokenize(word));
    words.set(word, known);
    terms.push(...known);
    if (terms.length >= QUERY_TERMS_MAX) break;
  }
  return {
    text: text.length > 4 * QUERY_TERMS_MAX ? [...words.keys()].join(' ') : text,
    words: [...words].filter(([, known]) => known.length > 0).map(([word, known]) => ({ word, terms: known })),
    terms: terms.slice(0, QUERY_TERMS_MAX),
  };
}
