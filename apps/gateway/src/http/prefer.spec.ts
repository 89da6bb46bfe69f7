import { describe, expect, it } from '@jest/globals';
import { preferenceOf } from './prefer.js';

describe('Prefer', () => {
  it.each([
    [undefined, 10_000, undefined],
    ['respond-async', 0, 'respond-async'],
    ['Respond-Async', 0, 'respond-async'],
    ['wait=5', 5000, 'wait=5'],
    ['wait="5"', 5000, 'wait=5'],
    ['wait = 5; x=y', 5000, 'wait=5'],
    ['wait=0', 0, 'wait=0'],
    ['wait=100000', 60_000, 'wait=60'],
    ['wait=5, wait=9', 5000, 'wait=5'],
    ['respond-async, wait=3', 3000, 'respond-async, wait=3'],
    ['wait=-1', 10_000, undefined],
    ['wait=soon', 10_000, undefined],
    ['wait', 10_000, undefined],
    ['respond-async=yes', 10_000, undefined],
    ['return=minimal', 10_000, undefined],
    [',,;=', 10_000, undefined],
  ])('%s waits %d ms', (header, waitMs, applied) => {
    expect(preferenceOf(header, 10_000)).toEqual({ waitMs, applied });
  });
});
