import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { HashEmbedder } from './hash.embedder.js';

const never = new AbortController().signal;
const embed = async (text: string, dimension = 384) =>
  (await new HashEmbedder(dimension).embed([text], 'document', never))[0] as Float32Array;
const digest = (vector: Float32Array) =>
  createHash('sha256')
    .update(Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength))
    .digest('hex')
    .slice(0, 16);
const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

describe('the hash embedder', () => {
  /** Spaces hold vectors made by earlier versions: a change here needs another model name. */
  it.each([
    ['The quick brown fox jumps over the lazy dog.', '720e643c557a9925'],
    ['Größe, 日本語 und ١٢٣: the the the', '99790f55c1c41b4b'],
    ['?!', '80746cbddc3b293f'],
    ['', '3ec039795ba745b7'],
  ])('gives the golden vector of %j', async (text, expected) => {
    expect(digest(await embed(text))).toBe(expected);
  });

  it('gives every text a vector of length 1 and the dimension asked for', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 64 }), async (text, dimension) => {
        const vector = await embed(text, dimension);
        expect(vector).toHaveLength(dimension);
        expect(Math.sqrt(cosine(vector, vector))).toBeCloseTo(1, 5);
      }),
    );
  });

  it('brings texts with common words near each other, whatever their case or form', async () => {
    const [a, b, c] = await new HashEmbedder().embed(
      ['The Ｃａｔ sat on the mat', 'the cat sat', 'quarterly revenue rose'],
      'document',
      never,
    );

    expect(cosine(a as Float32Array, b as Float32Array)).toBeGreaterThan(0.5);
    expect(Math.abs(cosine(a as Float32Array, c as Float32Array))).toBeLessThan(0.2);
    expect(await embed('CAT')).toEqual(await embed('cat'));
  });

  it('tells word order apart, and texts without words', async () => {
    expect(await embed('dog bites man')).not.toEqual(await embed('man bites dog'));
    expect(await embed('???')).not.toEqual(await embed('!!!'));
  });

  it('lets others work while it embeds much', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await new HashEmbedder().embed(
      Array.from({ length: 50 }, () => 'some words '.repeat(10_000)),
      'document',
      never,
    );
    clearInterval(timer);

    expect(turns).toBeGreaterThan(5);
  });
});
