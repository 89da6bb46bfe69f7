import { describe, expect, it } from '@jest/globals';
import { EPOCH_MAX, fenceOf, placeOf } from './source-fence.js';

describe('fences', () => {
  it('of the first log are its offsets, of a later one larger than all before', () => {
    expect(fenceOf(0, 17)).toBe(17);
    expect(fenceOf(1, 0)).toBeGreaterThan(fenceOf(0, 2 ** 40 - 1));
    expect(fenceOf(8, 3)).toBeGreaterThan(fenceOf(7, 2 ** 40 - 1));
  });

  it.each([
    [0, 0],
    [3, 2 ** 40 - 1],
    [EPOCH_MAX, 2 ** 40 - 1],
  ])('of log %d at %d are exact, and lead back', (epoch, offset) => {
    expect(Number.isSafeInteger(fenceOf(epoch, offset))).toBe(true);
    expect(placeOf(fenceOf(epoch, offset))).toEqual({ epoch, offset });
  });

  it.each([
    [-1, 0],
    [EPOCH_MAX + 1, 0],
    [0, -1],
    [0, 2 ** 40],
    [0, Number.NaN],
  ])('there is none of log %d at %d', (epoch, offset) => {
    expect(() => fenceOf(epoch, offset)).toThrow(RangeError);
  });
});
