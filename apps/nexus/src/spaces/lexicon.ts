import { tokenize } from '@lancedb/lancedb';
import { TOKENIZER } from './space-schema.js';

/**
 * Whatever tokeniser LanceDB has, ASCII characters that are neither letter nor digit end a word in it, and a word's
 * terms do not depend on its neighbours. So a text is cut there, and only words not met before are given to LanceDB.
 */
const IN_WORD = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 128 || /[0-9A-Za-z]/.test(String.fromCharCode(byte)) ? 1 : 0,
);
/** Longer ones (a base64 blob, a paragraph without spaces) are tokenised each time. */
const WORD_BYTES_KEPT_MAX = 64;
/** One token for certain, whatever the language. */
const FIRST_WORD = 'qq';

/** What a word's entry holds in the place of its term. Below: of several terms, which list. */
const NO_TERM = -1;
const NOT_LEARNT = -2;
const SEVERAL = -3;

/** Words of texts, by their number; those too long to be kept count down from -1. */
export interface WordsOfTexts {
  readonly words: Int32Array;
  /** Where each text's words end. */
  readonly ends: Int32Array;
  readonly long: readonly LongWord[];
}

interface LongWord {
  readonly text: string;
  readonly terms: number[];
}

/**
 * Words met before and the terms that the tokeniser makes of them. All in flat arrays, found by the bytes of a text as
 * they stand there: cutting words out as strings, to look them up, costs several times as much.
 */
export class Lexicon {
  /** Terms by their number, and as bytes as most are written beside a chunk: `kafka:1 `. */
  readonly terms: string[] = [];
  termBytes: Uint8Array = new Uint8Array(1 << 14);
  termEnds: Int32Array = new Int32Array(1 << 11);
  readonly #numbers = new Map<string, number>();

  /** A hash table of word numbers, from 1, with open addressing. */
  #slots = new Int32Array(1 << 12);
  #words = 0;
  #hashes = new Int32Array(1 << 11);
  #bytes: Uint8Array = new Uint8Array(1 << 14);
  #ends = new Int32Array(1 << 11);
  #termOf = new Int32Array(1 << 11);
  readonly #several: (readonly number[])[] = [];
  #learning: Promise<unknown> = Promise.resolve();

  /** Words and terms that it holds. */
  get size(): number {
    return Math.max(this.#words, this.terms.length);
  }

  /** The words of each text, given as bytes from one end to the next; after it all of them are learnt. */
  async read(bytes: Uint8Array, textEnds: Int32Array): Promise<WordsOfTexts> {
    let words = new Int32Array((bytes.length >> 2) + 64);
    const ends = new Int32Array(textEnds.length);
    const long = new Map<string, LongWord>();
    const unknown: number[] = [];
    let [count, at] = [0, 0];
    for (const [text, textEnd] of textEnds.entries()) {
      if (words.length < count + (textEnd - at) / 2 + 1) words = grown(words, count + (textEnd - at) / 2 + 1);
      for (let [from, hash] = [at, 0]; at <= textEnd; at++) {
        if (at < textEnd && IN_WORD[bytes[at] as number] === 1) {
          hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
          continue;
        }
        if (at - from > WORD_BYTES_KEPT_MAX) words[count++] = numberOfLong(bytes, from, at, long);
        else if (at > from) words[count++] = this.#numberOf(bytes, from, at, hash, unknown);
        from = at + 1;
        hash = 0;
      }
      at = textEnd;
      ends[text] = count;
    }
    if (unknown.length > 0 || long.size > 0) {
      this.#learning = Promise.all([this.#learning, this.#learn(unknown, [...long.values()])]);
    }
    // Others may have met some of these words first, and be waiting for their terms.
    await this.#learning;
    return { words, ends, long: [...long.values()] };
  }

  /** The one term of a word; -1: it has none; below: it has several. */
  termOf(word: number): number {
    return word < 0 ? SEVERAL : (this.#termOf[word] as number);
  }

  /** The terms of a word of several. */
  termsOf(word: number, long: readonly LongWord[]): readonly number[] {
    if (word < 0) return long[-1 - word]?.terms ?? [];
    return this.#several[SEVERAL - (this.#termOf[word] as number)] ?? [];
  }

  #numberOf(bytes: Uint8Array, from: number, to: number, hash: number, unknown: number[]): number {
    const mask = this.#slots.length - 1;
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (let entry = this.#slots[slot] as number; entry !== 0; entry = this.#slots[slot] as number) {
      if (this.#hashes[entry - 1] === hash && this.#isWord(entry - 1, bytes, from, to)) return entry - 1;
      slot = (slot + 1) & mask;
    }
    const word = this.#add(bytes, from, to, hash);
    unknown.push(word);
    this.#slots[slot] = word + 1;
    if (this.#words > this.#slots.length / 2) this.#rehash();
    return word;
  }

  #isWord(word: number, bytes: Uint8Array, from: number, to: number): boolean {
    const start = word === 0 ? 0 : (this.#ends[word - 1] as number);
    if ((this.#ends[word] as number) - start !== to - from) return false;
    for (let at = from; at < to; at++) if (this.#bytes[start + at - from] !== bytes[at]) return false;
    return true;
  }

  #add(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const word = this.#words++;
    if (word >= this.#hashes.length) {
      this.#hashes = grown(this.#hashes, word + 1);
      this.#ends = grown(this.#ends, word + 1);
      this.#termOf = grown(this.#termOf, word + 1);
    }
    const start = word === 0 ? 0 : (this.#ends[word - 1] as number);
    const end = start + to - from;
    if (end > this.#bytes.length) this.#bytes = grown(this.#bytes, end);
    for (let at = from; at < to; at++) this.#bytes[start + at - from] = bytes[at] as number;
    this.#hashes[word] = hash;
    this.#ends[word] = end;
    this.#termOf[word] = NOT_LEARNT;
    return word;
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 4);
    for (let word = 0; word < this.#words; word++) {
      const hash = this.#hashes[word] as number;
      let slot = (hash ^ (hash >>> 15)) & (slots.length - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1);
      slots[slot] = word + 1;
    }
    this.#slots = slots;
  }

  async #learn(unknown: readonly number[], long: readonly LongWord[]): Promise<void> {
    const terms = new Map<number, number[]>(unknown.map((word) => [word, []]));
    const texts = unknown.map((word) => {
      const start = word === 0 ? 0 : (this.#ends[word - 1] as number);
      return { text: textOf(this.#bytes, start, this.#ends[word] as number), terms: terms.get(word) as number[] };
    });
    const [ascii, others] = [[] as LongWord[], [] as LongWord[]];
    for (const word of [...texts, ...long]) (isAscii(word.text) ? ascii : others).push(word);
    for (const word of others) {
      for (const token of await tokenize(word.text, TOKENIZER)) word.terms.push(this.#numberOfTerm(token.text));
    }
    // Each of these is one token or none. A token's position is its word's place, counted from the first token.
    const joined = `${FIRST_WORD} ${ascii.map(({ text }) => text).join(' ')}`;
    const tokens = ascii.length > 0 ? await tokenize(joined, TOKENIZER) : [];
    for (const token of tokens.slice(1)) ascii[token.position - 1]?.terms.push(this.#numberOfTerm(token.text));
    for (const [word, ofWord] of terms) {
      if (ofWord.length > 1) this.#termOf[word] = SEVERAL - (this.#several.push(ofWord) - 1);
      else this.#termOf[word] = ofWord[0] ?? NO_TERM;
    }
  }

  #numberOfTerm(term: string): number {
    const known = this.#numbers.get(term);
    if (known !== undefined) return known;
    const number = this.terms.push(term) - 1;
    this.#numbers.set(term, number);
    const written = Buffer.from(`${term}:1 `);
    const start = number === 0 ? 0 : (this.termEnds[number - 1] as number);
    const end = start + written.length;
    if (end > this.termBytes.length) this.termBytes = grown(this.termBytes, end);
    if (number >= this.termEnds.length) this.termEnds = grown(this.termEnds, number + 1);
    this.termBytes.set(written, start);
    this.termEnds[number] = end;
    return number;
  }
}

function numberOfLong(bytes: Uint8Array, from: number, to: number, long: Map<string, LongWord>): number {
  const text = textOf(bytes, from, to);
  let at = 0;
  for (const known of long.keys()) {
    if (known === text) return -1 - at;
    at++;
  }
  long.set(text, { text, terms: [] });
  return -1 - at;
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8');
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

/** The same with room for at least so many. */
export function grown<Numbers extends Int32Array | Uint8Array>(numbers: Numbers, atLeast: number): Numbers {
  const length = Math.max(2 * numbers.length, Math.ceil(atLeast));
  const larger = new (numbers.constructor as new (length: number) => Numbers)(length);
  larger.set(numbers);
  return larger;
}
