/** Texts and vectors of the nexus benches: made from a seed, so that every run measures the same. */
export interface Corpus {
  /** Text of a row: words of a Zipf-like vocabulary. */
  text(words: number): string;
  /** A question of words that are neither in every text nor in hardly any. */
  question(words: number): string;
  /** A normally distributed vector of length 1: nothing is near anything, which is the hardest for an index. */
  vector(): Float32Array;
  /** A whole number below `below`. */
  pick(below: number): number;
}

export const DIMENSION = 384;
const VOCABULARY = 20_000;
const SYLLABLES =
  'ka fe lo mi ru pi ne ta vo de su ba qu zo pa re ko fi la mo ri po na tu va do si be ga zu pe ra'.split(' ');

/** Word of a rank: two letters and more, different for every rank. */
function wordOf(rank: number): string {
  let word = '';
  for (let left = rank + 1; left > 0; left = Math.floor(left / 32)) word += SYLLABLES[left % 32];
  return word;
}

const WORDS = Array.from({ length: VOCABULARY }, (_, rank) => wordOf(rank));

export function corpus(seed: number): Corpus {
  let state = seed >>> 0;
  // mulberry32 (Tommy Ettinger, public domain).
  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  // The rank of a Zipf distribution with exponent 1 is the vocabulary's size to a uniform power.
  const word = () => WORDS[Math.floor(VOCABULARY ** random()) - 1] as string;
  const many = (count: number, next: () => string) => Array.from({ length: count }, next).join(' ');
  return {
    text: (words) => many(words, word),
    question: (words) => many(words, () => WORDS[20 + Math.floor(random() * 2_000)] as string),
    vector() {
      const vector = Float32Array.from({ length: DIMENSION }, normal);
      const length = Math.hypot(...vector);
      return vector.map((value) => value / length);
    },
    pick: (below) => Math.floor(random() * below),
  };
}
