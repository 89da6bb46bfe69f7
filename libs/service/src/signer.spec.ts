import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Signer } from './signer.js';

const signer = new Signer(Buffer.alloc(32, 1));

describe('a token', () => {
  it('opens in its context, made by this key, and not otherwise', () => {
    const token = signer.seal(['cursor', 'a/b'], { at: 1 });

    expect(signer.open(['cursor', 'a/b'], token)).toEqual({ at: 1 });
    expect(new Signer(Buffer.alloc(32, 1)).open(['cursor', 'a/b'], token)).toEqual({ at: 1 });
    for (const context of [['cursor', 'a', 'b'], ['cursor,a/b'], ['snapshot', 'a/b'], []]) {
      expect(signer.open(context, token)).toBeUndefined();
    }
    expect(new Signer(Buffer.alloc(32, 2)).open(['cursor', 'a/b'], token)).toBeUndefined();
  });

  it('gives back whatever JSON it was made of', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), (payload) => {
        const json = JSON.parse(JSON.stringify(payload)) as unknown;
        expect(signer.open(['x'], signer.seal(['x'], json))).toEqual(json);
      }),
    );
  });

  it('is nothing once any character is another', () => {
    const token = signer.seal(['x'], { n: 7, text: 'ä' });
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom(...'AZaz09-_.= '), (at, character) => {
        fc.pre(token[at] !== character);
        expect(signer.open(['x'], token.slice(0, at) + character + token.slice(at + 1))).toBeUndefined();
      }),
    );
  });

  it('is not taken with another signature text of the same bytes', () => {
    const token = signer.seal(['x'], { n: 7 });
    const mac = token.split('.')[1]!;
    // 16 bytes leave four bits of the 22nd character to spare: sixteen texts decode to one signature.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const alike = [...alphabet]
      .map((last) => mac.slice(0, -1) + last)
      .filter((text) => Buffer.from(text, 'base64url').equals(Buffer.from(mac, 'base64url')));

    expect(alike).toHaveLength(16);
    expect(alike.filter((text) => signer.open(['x'], token.replace(mac, text)) !== undefined)).toEqual([mac]);
  });

  it('is no text of another shape', () => {
    const token = signer.seal(['x'], 1);
    fc.assert(fc.property(fc.string(), (text) => expect(signer.open(['x'], text)).toBeUndefined()));
    for (const odd of [
      `${token}\n`,
      ` ${token}`,
      `${token}.`,
      `.${token}`,
      `${token}=`,
      `${'A'.repeat(8001)}.${'A'.repeat(22)}`,
    ]) {
      expect(signer.open(['x'], odd)).toBeUndefined();
    }
  });
});
