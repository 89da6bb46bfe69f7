import { createHmac, createSecretKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hmacSha256 } from './hmac.js';

describe('hmacSha256', () => {
  // RFC 4231, sections 4.2, 4.3 and 4.7.
  it.each([
    ['0b'.repeat(20), 'Hi There', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    ['4a656665', 'what do ya want for nothing?', '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'],
    [
      'aa'.repeat(131),
      'Test Using Larger Than Block-Size Key - Hash Key First',
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
  ])('gives the published result for the key %s', (key, text, expected) => {
    expect(hmacSha256(createSecretKey(Buffer.from(key, 'hex')), text)).toBe(expected);
  });

  it('equals that of node:crypto for any key and text', () => {
    const keys = fc.uint8Array({ minLength: 1, maxLength: 130 });
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({ minLength: 5000, maxLength: 9000 }),
    );
    fc.assert(
      fc.property(keys, fc.array(texts, { minLength: 1, maxLength: 4 }), (bytes, several) => {
        const key = createSecretKey(bytes);
        for (const text of several) {
          expect(hmacSha256(key, text)).toBe(createHmac('sha256', key).update(text).digest('hex'));
        }
      }),
    );
  });
});
