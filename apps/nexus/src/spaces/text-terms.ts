import { tokenize } from '@lancedb/lancedb';
import { TOKENIZER } from './space-schema.js';

/** The terms of one text. */
export interface TextTerms {
  /** Tokens, repeats included. */
  readonly tokenCount: number;
  readonly frequencies: ReadonlyMap<string, number>;
}

/**
 * Whatever tokeniser LanceDB has, ASCII characters that are neither letter nor digit end a word in it, and a word's
 * terms do not depend on its neighbours. So a text is cut there, and only words not met before are given to LanceDB.
 * (All of it there: 12 µs a text and 0.3 µs a word; so: 0.05 µs a word.)
 */
const BETWEEN_WORDS = /[\0-/:-@[-`{-\x7f]+/;
const ASCII_WORD = /^[0-9A-Za-z]+$/;
const FIRST_WORD = 'qq';
const WORDS_KEPT_MAX = 100_000;
/** Longer ones (a base64 blob, a paragraph without spaces) are tokenised each time. */
const WORD_LENGTH_KEPT_MAX = 64;

/** Words met before → their terms. Two generations: when the young one is full, the old one is forgotten. */
let young = new Map<string, readonly string[]>();
let old = new Map<string, readonly string[]>();

/** The terms of each text, by the tokeniser of the full-text index. */
export async function termsOfTexts(texts: readonly string[]): Promise<TextTerms[]> {
  const words = texts.map((text) => text.split(BETWEEN_WORDS));
  const terms = await termsOfWords(words);
  return words.map((ofText) => {
    const frequencies = new Map<string, number>();
    let tokenCount = 0;
    for (const word of ofText) {
      for (const term of known(word) ?? terms.get(word) ?? []) {
        frequencies.set(term, (frequencies.get(term) ?? 0) + 1);
        tokenCount++;
      }
    }
    return { tokenCount, frequencies };
  });
}

/** The terms of one text in order, repeats included. */
export async function tokensOfText(text: string): Promise<string[]> {
  const words = text.split(BETWEEN_WORDS);
  const terms = await termsOfWords([words]);
  return words.flatMap((word) => known(word) ?? terms.get(word) ?? []);
}

/** Terms of all words that are not known; what may be kept is. The answer is complete even if the cache turns over. */
async function termsOfWords(texts: readonly (readonly string[])[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  const ascii: string[] = [];
  for (const words of texts) {
    for (const word of words) {
      if (word === '' || found.has(word) || known(word) !== undefined) continue;
      if (ASCII_WORD.test(word)) ascii.push(word);
      found.set(word, ASCII_WORD.test(word) ? [] : (await tokenize(word, TOKENIZER)).map((token) => token.text));
    }
  }
  // Each of these is one token or none. A token's position is its word's place, counted from the first token: a word
  // that is always one goes first.
  const tokens = ascii.length > 0 ? await tokenize(`${FIRST_WORD} ${ascii.join(' ')}`, TOKENIZER) : [];
  for (const token of tokens.slice(1)) found.set(ascii[token.position - 1] as string, [token.text]);
  for (const [word, terms] of found) keep(word, terms);
  return found;
}

function known(word: string): readonly string[] | undefined {
  const terms = young.get(word);
  if (terms !== undefined) return terms;
  const before = old.get(word);
  if (before !== undefined) keep(word, before);
  return before;
}

function keep(word: string, terms: readonly string[]): void {
  if (word.length > WORD_LENGTH_KEPT_MAX) return;
  if (young.size >= WORDS_KEPT_MAX) [old, young] = [young, new Map()];
  young.set(word, terms);
}
