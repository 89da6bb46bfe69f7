import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { canonicalHash, canonicalText, isPlainJson, NotCanonical } from './canonical.js';
import { fingerprintOf, inputHashOf, keyHashOf, unknownFingerprint } from './fingerprint.js';

const GOLDEN = fileURLToPath(new URL('../../golden/fingerprints.json', import.meta.url));
const BUILT = fileURLToPath(new URL('../../dist/index.js', import.meta.url));

const inputs: Record<string, unknown> = {
  absent: undefined,
  null: null,
  text: 'Größe €\n"quoted" \u2028',
  numbers: [0, -0, 1.5, 1e21, 1e-7, 123456789012345680000],
  keys: { b: 1, a: { d: [true, false, null], c: 'x' }, '\u20ac': 1, '\r': 2, ö: 3, 1: 4 },
  rows: [
    { id: 1, name: 'a' },
    { id: 2, name: 'b' },
  ],
  many: Array.from({ length: 2500 }, (_, row) => ({ row, odd: row % 2 === 1 })),
};

const vectors = () =>
  Object.entries(inputs).map(([name, input]) => {
    const inputHash = inputHashOf(input, { sampled: true });
    const parts = {
      inputHash,
      configHash: canonicalHash({ depth: 3 }),
      codeRef: '0123456789abcdef0123456789abcdef01234567',
    };
    return {
      name,
      input_hash: inputHash,
      whole_hash: inputHashOf(input, { sampled: false }),
      fingerprint: fingerprintOf(parts),
    };
  });

describe('fingerprints', () => {
  it('are those of the golden file', () => {
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(GOLDEN, `${JSON.stringify(vectors(), undefined, 2)}\n`);
    expect(vectors()).toEqual(JSON.parse(readFileSync(GOLDEN, 'utf8')));
  });

  it('do not depend on the order of keys', () => {
    expect(inputHashOf({ a: 1, b: { c: 2, d: 3 } }, { sampled: true })).toBe(
      inputHashOf({ b: { d: 3, c: 2 }, a: 1 }, { sampled: true }),
    );
    expect(inputHashOf([1, 2], { sampled: true })).not.toBe(inputHashOf([2, 1], { sampled: true }));
  });

  it('are the same in another process', async () => {
    if (!existsSync(BUILT)) return;
    const code = `import { inputHashOf } from ${JSON.stringify(BUILT)}; console.log(inputHashOf({ z: [1, { y: 2, x: 'ü' }], a: null }, { sampled: true }))`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);

    expect(stdout.trim()).toBe(inputHashOf({ a: null, z: [1, { x: 'ü', y: 2 }] }, { sampled: true }));
  });

  it('read a sample of long lists only, and all of it where a checkpoint asks', () => {
    const rows = Array.from({ length: 5000 }, (_, row) => ({ row }));
    const other = rows.with(3, { row: -1 });

    expect(inputHashOf(rows, { sampled: true })).toBe(inputHashOf(other, { sampled: true }));
    expect(inputHashOf(rows, { sampled: false })).not.toBe(inputHashOf(other, { sampled: false }));
    expect(inputHashOf(rows, { sampled: true })).not.toBe(inputHashOf(rows, { sampled: false }));
    expect(inputHashOf(rows.slice(1), { sampled: true })).not.toBe(inputHashOf(rows, { sampled: true }));
    expect(inputHashOf(rows.slice(0, 1000), { sampled: true })).toBe(
      inputHashOf(rows.slice(0, 1000), { sampled: false }),
    );
  });

  it('change with configuration and code, and a key is no input', () => {
    const parts = { inputHash: keyHashOf('k'), configHash: null, codeRef: 'a' };

    expect(fingerprintOf(parts)).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(fingerprintOf({ ...parts, codeRef: 'b' })).not.toBe(fingerprintOf(parts));
    expect(fingerprintOf({ ...parts, configHash: keyHashOf('x') })).not.toBe(fingerprintOf(parts));
    expect(keyHashOf('k')).not.toBe(inputHashOf('k', { sampled: false }));
    expect(unknownFingerprint(0)).toBe('unknown:1970-01-01T00:00:00.000Z');
  });
});

describe('canonical text', () => {
  it.each([
    [new Date(0), '{"$date":"1970-01-01T00:00:00.000Z"}'],
    [12n, '{"$bigint":"12"}'],
    [NaN, '{"$number":"NaN"}'],
    [new Map([['a', 1]]), '{"$map":[["a",1]]}'],
    [new Set([2]), '{"$set":[2]}'],
    [/x/g, '{"$text":"/x/g"}'],
    [new URL('http://a/b'), '{"$text":"http://a/b"}'],
    [new RangeError('far'), '{"$error":"RangeError: far"}'],
    [{ toJSON: () => ({ b: 1, a: 2 }) }, '{"a":2,"b":1}'],
    [{ a: undefined, b: [undefined] }, '{"b":[{"$undefined":true}]}'],
  ])('tells %p apart from anything else', (value, text) => {
    expect(canonicalText(value)).toBe(text);
  });

  it('hashes bytes by what they hold', () => {
    expect(canonicalText(new Uint8Array([1, 2]))).toContain('"$length":2,"$type":"Uint8Array"');
    expect(canonicalText(new Uint8Array([1, 2]).buffer)).toContain('"$type":"ArrayBuffer"');
  });

  it('has none for what can be read once, shows nothing, or never ends', () => {
    class Hidden {
      #value = 1;
      get value(): number {
        return this.#value;
      }
    }
    const cycle: unknown[] = [];
    cycle.push(cycle);
    let deep: unknown = 1;
    for (let level = 0; level < 300; level++) deep = [deep];
    for (const value of [() => 1, Symbol('x'), Promise.resolve(), (function* () {})(), new Hidden(), cycle, deep]) {
      expect(() => canonicalText(value)).toThrow(NotCanonical);
    }
  });
});

describe('isPlainJson', () => {
  it('is true for what JSON gives back as it is', () => {
    expect([null, true, 'a', 1.5, [1, [2]], { a: { b: null } }].every((value) => isPlainJson(value))).toBe(true);
    const others = [
      undefined,
      NaN,
      -0,
      'a\ud800',
      new Date(),
      new Map(),
      { a: undefined },
      [undefined],
      1n,
      { toJSON: 1 },
    ];
    expect(others.filter((value) => isPlainJson(value))).toEqual([]);
  });
});
