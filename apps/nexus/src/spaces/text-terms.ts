import { setImmediate } from 'node:timers/promises';
import { Lexicon, grown, type WordsOfTexts } from './lexicon.js';

/** The terms of one text. */
export interface TextTerms {
  /** Tokens, repeats included. */
  readonly tokenCount: number;
  /** Each term once with its count, as `termFrequency` reads it, in UTF-8. */
  readonly encoded: Uint8Array;
}

/** Texts that are read at one go: a fraction of a millisecond. */
const SLICE_BYTES = 64 * 1024;
/** Of more words than these, all are forgotten: they are learnt again faster than they are sorted out. */
const WORDS_KEPT_MAX = 150_000;
const [SPACE, ZERO] = [0x20, 0x30];
/** `1 `, at the end of a term's bytes; and what another count may take. */
const ONCE_BYTES = 2;
const COUNT_BYTES_MAX = 12;

let lexicon = new Lexicon();

/** The terms of each text by the tokeniser of the full-text index, and in how many of the texts each term occurs. */
export async function termsOfTexts(
  texts: readonly string[],
): Promise<{ readonly texts: TextTerms[]; readonly frequencies: Map<string, number> }> {
  const [bytes, ends] = bytesOf(texts);
  const known = current();
  const read: WordsOfTexts[] = [];
  for (let from = 0, start = 0; from < texts.length;) {
    let to = from + 1;
    while (to < texts.length && (ends[to] as number) - start <= SLICE_BYTES) to++;
    // Others, above all the commit that is being written, are not to wait for the whole.
    if (from > 0) await setImmediate();
    const end = ends[to - 1] as number;
    read.push(
      await wordsOf(
        known,
        bytes.subarray(start, end),
        ends.subarray(from, to).map((each) => each - start),
      ),
    );
    [from, start] = [to, end];
  }
  const counting = new Counting(known, texts.length, bytes.length);
  const counted = read.flatMap((slice) => Array.from(slice.ends, (_, text) => counting.next(slice, text)));
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

/** Where counting a term stands, by its number. Marks of texts and batches are never given twice. */
class TermCounts {
  text = new Int32Array(1 << 11);
  count = new Int32Array(1 << 11);
  batch = new Int32Array(1 << 11);
  texts = new Int32Array(1 << 11);
  lastText = 0;
  lastBatch = 0;

  /** Makes room for terms up to this number, and for marks of so many texts. */
  prepare(terms: number, texts: number): void {
    if (terms > this.text.length) {
      for (const name of ['text', 'count', 'batch', 'texts'] as const) this[name] = grown(this[name], terms);
    }
    if (this.lastText < 2 ** 31 - 1 - texts && this.lastBatch < 2 ** 31 - 2) return;
    this.text.fill(0);
    this.batch.fill(0);
    this.lastText = 0;
    this.lastBatch = 0;
  }
}

const countsOf = new WeakMap<Lexicon, TermCounts>();

/** Counts the terms of some texts, at one go: the counts' places are used by whoever counts next. */
class Counting {
  readonly #counts: TermCounts;
  readonly #batch: number;
  #met = new Int32Array(256);
  #inBatch = new Int32Array(1024);
  #inBatchCount = 0;
  #bytes: Uint8Array;
  #end = 0;

  constructor(
    private readonly lexicon: Lexicon,
    texts: number,
    bytes: number,
  ) {
    this.#counts = countsOf.get(lexicon) ?? new TermCounts();
    countsOf.set(lexicon, this.#counts);
    this.#counts.prepare(lexicon.terms.length, texts);
    this.#batch = ++this.#counts.lastBatch;
    this.#bytes = new Uint8Array(bytes + (bytes >> 1) + 64);
  }

  /** Counts the next text. Its bytes can be had once all are counted. */
  next({ words, ends, long }: WordsOfTexts, text: number): () => TextTerms {
    const { lexicon } = this;
    const mark = ++this.#counts.lastText;
    const to = ends[text] as number;
    let [met, tokenCount] = [0, 0];
    for (let at = text === 0 ? 0 : (ends[text - 1] as number); at < to; at++) {
      const word = words[at] as number;
      const term = lexicon.termOf(word);
      if (term >= 0) {
        tokenCount++;
        met = this.#add(term, mark, met);
        continue;
      }
      for (const each of lexicon.termsOf(word, long)) {
        tokenCount++;
        met = this.#add(each, mark, met);
      }
    }
    const start = this.#end;
    this.#write(met);
    const end = this.#end;
    return () => ({ tokenCount, encoded: this.#bytes.subarray(start, end) });
  }

  frequencies(): Map<string, number> {
    const { texts } = this.#counts;
    const frequencies = new Map<string, number>();
    for (let at = 0; at < this.#inBatchCount; at++) {
      const term = this.#inBatch[at] as number;
      frequencies.set(this.lexicon.terms[term] as string, texts[term] as number);
    }
    return frequencies;
  }

  #add(term: number, mark: number, met: number): number {
    const { text, count, batch, texts } = this.#counts;
    if (text[term] === mark) {
      (count[term] as number)++;
      return met;
    }
    text[term] = mark;
    count[term] = 1;
    if (batch[term] !== this.#batch) {
      batch[term] = this.#batch;
      texts[term] = 0;
      if (this.#inBatchCount >= this.#inBatch.length) this.#inBatch = grown(this.#inBatch, this.#inBatchCount + 1);
      this.#inBatch[this.#inBatchCount++] = term;
    }
    (texts[term] as number)++;
    if (met >= this.#met.length) this.#met = grown(this.#met, met + 1);
    this.#met[met] = term;
    return met + 1;
  }

  #write(met: number): void {
    const { termBytes, termEnds } = this.lexicon;
    const { count: counts } = this.#counts;
    const terms = this.#met;
    let bytes = this.#bytes;
    let end = this.#end;
    if (end >= bytes.length) bytes = grown(bytes, end + 1);
    bytes[end++] = SPACE;
    for (let at = 0; at < met; at++) {
      const term = terms[at] as number;
      const count = counts[term] as number;
      const from = term === 0 ? 0 : (termEnds[term - 1] as number);
      const to = termEnds[term] as number;
      if (end + to - from + COUNT_BYTES_MAX > bytes.length) bytes = grown(bytes, end + to - from + COUNT_BYTES_MAX);
      for (let byte = from; byte < to; byte++) bytes[end++] = termBytes[byte] as number;
      if (count === 1) continue;
      end -= ONCE_BYTES;
      for (const digit of String(count)) bytes[end++] = ZERO + Number(digit);
      bytes[end++] = SPACE;
    }
    this.#bytes = bytes;
    this.#end = end;
  }
}
