import { describe, expect, it } from '@jest/globals';
import library from 'canonicalize';
import fc from 'fast-check';
import { boundedPath, canonicalize, findUnstorable, JSON_DEPTH_MAX, jsonBytes, stringFault } from './json.js';

/** Arrays in arrays. */
function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

describe('canonicalize', () => {
  it('writes the example of RFC 8785, section 3.2.2', () => {
    const text =
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],' +
      '"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}';
    expect(canonicalize(JSON.parse(text))).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts names by UTF-16 units, as section 3.2.3 has it', () => {
    const names = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
    expect(Object.values(JSON.parse(canonicalize(names)) as object)).toHaveLength(7);
    expect(canonicalize(names)).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
  });

  it.each([
    [0, '0'],
    [-0, '0'],
    [5e-324, '5e-324'],
    [Number.MAX_VALUE, '1.7976931348623157e+308'],
    [9007199254740992, '9007199254740992'],
    [1e21, '1e+21'],
    [1e-7, '1e-7'],
    [0.000001, '0.000001'],
  ])('writes the number %s as appendix B of RFC 8785 has it', (value, text) => {
    expect(canonicalize(value)).toBe(text);
  });

  it('gives equal values one text, whatever their order, `__proto__` included', () => {
    const one = JSON.parse('{"b":[1,{"y":1,"x":2}],"__proto__":{"z":1},"a":1}') as unknown;
    const other = JSON.parse(' { "a" : 1, "b" : [1, {"x":2, "y":1}], "__proto__" : {"z":1} } ') as unknown;
    expect(canonicalize(one)).toBe('{"__proto__":{"z":1},"a":1,"b":[1,{"x":2,"y":1}]}');
    expect(canonicalize(other)).toBe(canonicalize(one));
  });

  it('writes what the library writes, where keys are sorted already and where they are not', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = library(value);
        expect(canonicalize(value)).toBe(text);
        expect(canonicalize(JSON.parse(text!))).toBe(text);
      }),
    );
  });

  it('throws for what JSON cannot hold', () => {
    expect(() => canonicalize({ a: Number.NaN })).toThrow();
    expect(() => canonicalize([Number.POSITIVE_INFINITY])).toThrow();
    expect(() => canonicalize('\ud800')).toThrow();
  });
});

describe('findUnstorable', () => {
  it.each([
    ['NUL in a string', { a: { b: ['x', 'y\u0000'] } }, '/a/b/1', 'must not contain NUL characters'],
    ['a lone surrogate', { a: 'x\ud800' }, '/a', 'must not contain a lone surrogate'],
    ['a low surrogate first', ['\udc00\ud800'], '/0', 'must not contain a lone surrogate'],
    ['NUL in a name', { a: { 'b\u0000': 1 } }, '/a', 'has a key that must not contain NUL characters'],
    ['a lone surrogate in a name', { '\udfff': 1 }, '', 'has a key that must not contain a lone surrogate'],
    ['names that a pointer escapes', { 'a/b~c': '\u0000' }, '/a~1b~0c', 'must not contain NUL characters'],
    ['a number past a double', JSON.parse('{"n":[1e400]}'), '/n/0', 'must be a number that a double holds'],
    [
      'a member called __proto__',
      JSON.parse('{"__proto__":["\\u0000"]}'),
      '/__proto__/0',
      'must not contain NUL characters',
    ],
  ])('finds %s', (_what, value, path, message) => {
    expect(findUnstorable(value)).toEqual({ path, message });
    const text = JSON.stringify(value).replace('[null]', '[1e400]');
    expect(findUnstorable(value, text + ' '.repeat(200))).toEqual({ path, message });
  });

  it('finds every number that JSON.parse makes Infinity, however it is written', () => {
    const digits = fc.integer({ min: 0, max: 400 }).map((count) => '7'.repeat(count));
    const exponent = fc.constantFrom('', 'e', 'E', 'e+', 'E-').chain((sign) => {
      return sign === '' ? fc.constant('') : fc.integer({ min: 0, max: 1200 }).map((value) => `${sign}${value}`);
    });
    fc.assert(
      fc.property(fc.constantFrom('', '-'), digits, digits, exponent, (sign, whole, part, power) => {
        const text = `{"a":${sign}7${whole}${part === '' ? '' : `.${part}`}${power}}`;
        const value = JSON.parse(text) as { a: number };
        expect(findUnstorable(value, text) !== undefined).toBe(!Number.isFinite(value.a));
      }),
      { numRuns: 2000 },
    );
  });

  it('finds them in short texts, too', () => {
    for (const text of [
      '{"a":"\\u0000"}',
      '{"a":"\\uD800"}',
      '{"a":"\\udFfF"}',
      '{"a":1e400}',
      '{"a":-9E+999}',
      `{"a":1${'0'.repeat(400)}}`,
      `{"a":1${'0'.repeat(250)}e99}`,
      `{"a":-1${'0'.repeat(210)}.5E+99}`,
    ]) {
      expect(findUnstorable(JSON.parse(text), text)).toMatchObject({ path: '/a' });
    }
  });

  it('takes pairs of surrogates, control characters and large numbers', () => {
    expect(findUnstorable({ 'clé 😀': ['\u0001\u001f\u007f\ufffd', 1.7e308, -0] })).toBeUndefined();
  });

  it(`takes ${JSON_DEPTH_MAX} levels and refuses one more, without overflowing on a hundred thousand`, () => {
    expect(findUnstorable(nested(JSON_DEPTH_MAX))).toBeUndefined();
    expect(findUnstorable(nested(JSON_DEPTH_MAX + 1))).toMatchObject({ path: '/0'.repeat(JSON_DEPTH_MAX) });
    expect(findUnstorable(nested(100_000))).toMatchObject({ message: 'must not nest deeper than 64 levels' });
  });
});

it('stringFault takes what a column can hold', () => {
  expect(['', 'ä😀\n', 'a\u0000', '\ud83d'].map(stringFault)).toEqual([
    undefined,
    undefined,
    'must not contain NUL characters',
    'must not contain a lone surrogate',
  ]);
});

it('boundedPath keeps a path readable, short and sendable', () => {
  expect(boundedPath('/a/b')).toBe('/a/b');
  expect(boundedPath(`/${'x'.repeat(1000)}`)).toHaveLength(257);
  expect(boundedPath('/\ud800\u0000')).toBe('/\ufffd\ufffd');
  expect(boundedPath(`${'x'.repeat(255)}😀`).isWellFormed()).toBe(true);
});

it('jsonBytes counts UTF-8 without white space, as the canonical text', () => {
  const value = { b: 'é€😀\n', a: [1e20, 0.1] };
  expect(jsonBytes(value)).toBe(Buffer.byteLength(canonicalize(value)));
});
