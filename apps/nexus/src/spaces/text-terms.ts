import { tokenize } from '@lancedb/lancedb';
import { TOKENIZER } from './space-schema.js';

/** The terms of one text. */
export interface TextTerms {
  /** Tokens, repeats included. */
  readonly tokenCount: number;
  /** Each term once with its count, as `termFrequency` reads it. */
  readonly encoded: string;
}

/** A term, and where counting stands. Counting by objects costs half of what Maps of strings do. */
interface Term {
  readonly term: string;
  /** `term:1 `: how most terms of a chunk are written. */
  readonly once: string;
  text: number;
  count: number;
  batch: number;
  texts: number;
}

/** The terms of a word: one, none (a stop word), or several of words that are not ASCII. */
type Word = readonly Term[];

/**
 * Whatever tokeniser LanceDB has, ASCII characters that are neither letter nor digit end a word in it, and a word's
 * terms do not depend on its neighbours. So a text is cut there, and only words not met before are given to LanceDB.
 */
const IN_WORD = Uint8Array.from({ length: 128 }, (_, code) => (/[0-9A-Za-z]/.test(String.fromCharCode(code)) ? 1 : 0));
const ASCII_WORD = /^[0-9A-Za-z]+$/;
const WORDS_KEPT_MAX = 100_000;
/** Longer ones (a base64 blob, a paragraph without spaces) are tokenised each time. */
const WORD_LENGTH_KEPT_MAX = 64;
/** One token for certain, whatever the language. */
const FIRST_WORD = 'qq';

/** A word met before, found by a hash that is computed as its text is read: no word is cut out to be looked up. */
interface KnownWord {
  readonly text: string;
  readonly word: Word;
  /** Another word of the same hash. */
  readonly next: KnownWord | undefined;
}

/** Words met before. Two generations: when the young one is full, the old one is forgotten. */
let young = new Map<number, KnownWord>();
let old = new Map<number, KnownWord>();
let terms = new Map<string, Term>();
let textsCounted = 0;
let batchesCounted = 0;

/** The terms of each text by the tokeniser of the full-text index, and in how many of the texts each term occurs. */
export async function termsOfTexts(
  texts: readonly string[],
): Promise<{ readonly texts: TextTerms[]; readonly frequencies: Map<string, number> }> {
  const words = await wordsOf(texts);
  const batch = ++batchesCounted;
  const met: Term[] = [];
  const counted = words.map((ofText) => countTerms(ofText, batch, met));
  return { texts: counted, frequencies: new Map(met.map(({ term, texts: count }) => [term, count])) };
}

/** The terms of one text in order, repeats included. */
export async function tokensOfText(text: string): Promise<string[]> {
  const [words] = await wordsOf([text]);
  return (words ?? []).flatMap((word) => word.map(({ term }) => term));
}

function countTerms(words: readonly Word[], batch: number, met: Term[]): TextTerms {
  const text = ++textsCounted;
  const inText: Term[] = [];
  let tokenCount = 0;
  for (const word of words) {
    for (const term of word) {
      tokenCount++;
      if (term.text === text) {
        term.count++;
        continue;
      }
      term.text = text;
      term.count = 1;
      inText.push(term);
      if (term.batch !== batch) {
        term.batch = batch;
        term.texts = 0;
        met.push(term);
      }
      term.texts++;
    }
  }
  let encoded = ' ';
  for (const term of inText) encoded += term.count === 1 ? term.once : `${term.term}:${term.count} `;
  return { tokenCount, encoded };
}

/** The words of each text, in order, those not met before included. */
async function wordsOf(texts: readonly string[]): Promise<Word[][]> {
  const unknown = new Map<string, NewWord>();
  const words = texts.map((text) => {
    const ofText: Word[] = [];
    let from = 0;
    let hash = 0;
    for (let at = 0; at <= text.length; at++) {
      const code = at < text.length ? text.charCodeAt(at) : 0;
      if (code >= 128 || IN_WORD[code] === 1) {
        hash = nextHash(hash, code);
        continue;
      }
      if (at > from) ofText.push(knownWord(text, from, at, hash) ?? newWord(text.slice(from, at), hash, unknown));
      from = at + 1;
      hash = 0;
    }
    return ofText;
  });
  await learn(unknown);
  return words;
}

function nextHash(hash: number, code: number): number {
  return (Math.imul(hash, 31) + code) & 0x3fff_ffff;
}

function knownWord(text: string, from: number, to: number, hash: number): Word | undefined {
  for (let known = young.get(hash); known; known = known.next) {
    if (isWord(known.text, text, from, to)) return known.word;
  }
  for (let known = old.get(hash); known; known = known.next) {
    if (!isWord(known.text, text, from, to)) continue;
    keep(known.text, hash, known.word);
    return known.word;
  }
  return undefined;
}

function isWord(word: string, text: string, from: number, to: number): boolean {
  if (word.length !== to - from) return false;
  for (let at = 0; at < word.length; at++) if (word.charCodeAt(at) !== text.charCodeAt(from + at)) return false;
  return true;
}

interface NewWord {
  readonly hash: number;
  readonly word: Term[];
}

function newWord(text: string, hash: number, unknown: Map<string, NewWord>): Word {
  let asked = unknown.get(text);
  if (!asked) unknown.set(text, (asked = { hash, word: [] }));
  return asked.word;
}

/** Fills in the terms of new words; none is kept before it has them. */
async function learn(unknown: ReadonlyMap<string, NewWord>): Promise<void> {
  const ascii: [text: string, word: Term[]][] = [];
  for (const [text, { word }] of unknown) {
    if (ASCII_WORD.test(text)) ascii.push([text, word]);
    else for (const token of await tokenize(text, TOKENIZER)) word.push(termOf(token.text));
  }
  // Each of these is one token or none. A token's position is its word's place, counted from the first token.
  const joined = `${FIRST_WORD} ${ascii.map(([text]) => text).join(' ')}`;
  const tokens = ascii.length > 0 ? await tokenize(joined, TOKENIZER) : [];
  for (const token of tokens.slice(1)) ascii[token.position - 1]?.[1].push(termOf(token.text));
  // A slice would keep the whole text that it was cut from alive.
  for (const [text, { hash, word }] of unknown) keep(Buffer.from(text, 'utf16le').toString('utf16le'), hash, word);
}

function termOf(term: string): Term {
  let known = terms.get(term);
  if (!known) terms.set(term, (known = { term, once: `${term}:1 `, text: 0, count: 0, batch: 0, texts: 0 }));
  return known;
}

function keep(text: string, hash: number, word: Word): void {
  if (text.length > WORD_LENGTH_KEPT_MAX) return;
  if (young.size >= WORDS_KEPT_MAX) {
    [old, young] = [young, new Map()];
    terms = new Map();
    for (const first of old.values()) {
      for (let known: KnownWord | undefined = first; known; known = known.next) {
        for (const term of known.word) terms.set(term.term, term);
      }
    }
  }
  young.set(hash, { text, word, next: young.get(hash) });
}
