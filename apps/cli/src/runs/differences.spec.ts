import { describe, expect, it } from '@jest/globals';
import type { Run } from '@runspine/client';
import { causesChanged, differencesOf, runDifferences } from './differences.js';

const runOf = (fields: Partial<Run>) =>
  ({ metadata: {}, metrics: {}, tags: {}, scores: [], error: null, ...fields }) as unknown as Run;

describe('differences', () => {
  it('are named by their path, down to what differs', () => {
    const before = { same: [1, { a: 1 }], list: [1, 2], inner: { x: 1, y: { z: 1 } }, gone: 1 };
    const after = { same: [1, { a: 1 }], list: [1, 3], inner: { x: 1, y: { z: 2 } }, come: [1] };
    expect(differencesOf(before, after)).toEqual([
      { path: 'list[1]', before: 2, after: 3 },
      { path: 'inner.y.z', before: 1, after: 2 },
      { path: 'gone', before: 1, after: undefined },
      { path: 'come', before: undefined, after: [1] },
    ]);
  });

  it('are not in the order of names, and are whole where lists have other lengths', () => {
    expect(differencesOf({ a: 1, b: [{ c: 1, d: 2 }] }, { b: [{ d: 2, c: 1 }], a: 1 })).toEqual([]);
    expect(differencesOf([1], [1, 2])).toEqual([{ path: '', before: [1], after: [1, 2] }]);
    expect(differencesOf({ a: [] }, { a: {} })).toHaveLength(1);
  });

  it('show an input that is not recorded by its fingerprint, where nothing else in it changed', () => {
    const first = runOf({ code_ref: 'a', input_fingerprint: 'sha256:1' });
    const second = runOf({ code_ref: 'a', input_fingerprint: 'sha256:2' });
    expect(causesChanged(first, second)).toMatchObject([{ path: 'input (its fingerprint)' }]);
    expect(runDifferences(first, second)).toHaveLength(1);
    expect(causesChanged(first, { ...second, code_ref: 'b' })).toMatchObject([{ path: 'code' }]);
    expect(causesChanged(first, { ...second, input_fingerprint: 'unknown:2026' })).toEqual([]);
  });
});
