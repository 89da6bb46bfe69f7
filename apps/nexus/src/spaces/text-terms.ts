import { Lexicon, grown, type WordsOfTexts } from './lexicon.js';

/** The terms of one text. */
export interface TextTerms {
  /** Tokens, repeats included. */
  readonly tokenCount: number;
  /** Each term once with its count, as `termFrequency` reads it, in UTF-8. */
  readonly encoded: Uint8Array;
}

/** Of more words than these, all are forgotten: they are learnt again faster than they are sorted out. */
const WORDS_KEPT_MAX = 150_000;
const [SPACE, ZERO] = [0x20, 0x30];
/** `1 `, at the end of a term's bytes. */
const COUNT_BYTES = 2;

let lexicon = new Lexicon();

/** The terms of each text by the tokeniser of the full-text index, and in how many of the texts each term occurs. */
export async function termsOfTexts(
  texts: readonly string[],
): Promise<{ readonly texts: TextTerms[]; readonly frequencies: Map<string, number> }> {
  const [bytes, ends] = bytesOf(texts);
  const known = current();
  const read = await wordsOf(known, bytes, ends);
  const counting = new Counting(known, read, bytes.length);
  const counted = Array.from(texts, (_, text) => counting.next(text));
  return { texts: counted.map((count) => count()), frequencies: counting.frequencies() };
}

/** The terms of one text in order, repeats included. */
export async function tokensOfText(text: string): Promise<string[]> {
  const [bytes, ends] = bytesOf([text]);
  const known = current();
  const { words, ends: counts, long } = await wordsOf(known, bytes, ends);
  const tokens: string[] = [];
  for (const word of words.subarray(0, counts[0])) {
    const term = known.termOf(word);
    if (term >= 0) tokens.push(known.terms[term] as string);
    else for (const each of known.termsOf(word, long)) tokens.push(known.terms[each] as string);
  }
  return tokens;
}

function current(): Lexicon {
  if (lexicon.size > WORDS_KEPT_MAX) lexicon = new Lexicon();
  return lexicon;
}

async function wordsOf(known: Lexicon, bytes: Uint8Array, ends: Int32Array): Promise<WordsOfTexts> {
  try {
    return await known.read(bytes, ends);
  } catch (error) {
    // It holds words that it never learnt.
    if (lexicon === known) lexicon = new Lexicon();
    throw error;
  }
}

/** The texts as UTF-8, one after the other, and where each ends. */
function bytesOf(texts: readonly string[]): [bytes: Uint8Array, ends: Int32Array] {
  const joined = texts.join('');
  const ascii = Buffer.byteLength(joined) === joined.length;
  // Apart from ASCII each is encoded alone: half a character may end one text, and half of one begin the next.
  const parts = ascii ? [] : texts.map((text) => Buffer.from(text));
  const ends = new Int32Array(texts.length);
  let end = 0;
  texts.forEach((text, at) => (ends[at] = end += ascii ? text.length : (parts[at]?.length ?? 0)));
  return [ascii ? Buffer.from(joined, 'latin1') : Buffer.concat(parts), ends];
}

/** Counts terms by their numbers; what it marks a term with is the text that it met it in last. */
class Counting {
  readonly #inText: Int32Array;
  readonly #count: Int32Array;
  readonly #texts: Int32Array;
  #met = new Int32Array(256);
  #bytes: Uint8Array;
  #end = 0;

  constructor(
    private readonly lexicon: Lexicon,
    private readonly read: WordsOfTexts,
    bytes: number,
  ) {
    const terms = lexicon.terms.length;
    this.#inText = new Int32Array(terms).fill(-1);
    this.#count = new Int32Array(terms);
    this.#texts = new Int32Array(terms);
    this.#bytes = new Uint8Array(bytes + (bytes >> 1) + 64);
  }

  /** Counts the next text. Its bytes can be had once all are counted. */
  next(text: number): () => TextTerms {
    const { words, ends, long } = this.read;
    let [met, tokenCount] = [0, 0];
    for (let at = text === 0 ? 0 : (ends[text - 1] as number); at < (ends[text] as number); at++) {
      const word = words[at] as number;
      const term = this.lexicon.termOf(word);
      if (term >= 0) {
        tokenCount++;
        met = this.#add(term, text, met);
        continue;
      }
      for (const each of this.lexicon.termsOf(word, long)) {
        tokenCount++;
        met = this.#add(each, text, met);
      }
    }
    const from = this.#end;
    this.#write(met);
    const to = this.#end;
    return () => ({ tokenCount, encoded: this.#bytes.subarray(from, to) });
  }

  frequencies(): Map<string, number> {
    const frequencies = new Map<string, number>();
    this.#texts.forEach((count, term) => count > 0 && frequencies.set(this.lexicon.terms[term] as string, count));
    return frequencies;
  }

  #add(term: number, text: number, met: number): number {
    if (this.#inText[term] === text) {
      (this.#count[term] as number)++;
      return met;
    }
    this.#inText[term] = text;
    this.#count[term] = 1;
    (this.#texts[term] as number)++;
    if (met >= this.#met.length) this.#met = grown(this.#met, met + 1);
    this.#met[met] = term;
    return met + 1;
  }

  #write(met: number): void {
    const { termBytes, termEnds } = this.lexicon;
    let end = this.#end;
    if (end >= this.#bytes.length) this.#bytes = grown(this.#bytes, end + 1);
    this.#bytes[end++] = SPACE;
    for (let at = 0; at < met; at++) {
      const term = this.#met[at] as number;
      const count = this.#count[term] as number;
      const from = term === 0 ? 0 : (termEnds[term - 1] as number);
      const to = termEnds[term] as number;
      if (end + to - from + 12 > this.#bytes.length) this.#bytes = grown(this.#bytes, end + to - from + 12);
      const bytes = this.#bytes;
      for (let byte = from; byte < to; byte++) bytes[end++] = termBytes[byte] as number;
      if (count === 1) continue;
      end -= COUNT_BYTES;
      for (const digit of String(count)) bytes[end++] = ZERO + Number(digit);
      bytes[end++] = SPACE;
    }
    this.#end = end;
  }
}
