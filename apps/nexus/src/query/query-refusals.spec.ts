import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServiceError } from '@runspine/contracts';
import { AskedSpaces } from './asked-spaces.fixture.js';

let spaces: AskedSpaces;
const query: AskedSpaces['query'] = (...asked) => spaces.query(...asked);

beforeAll(async () => {
  spaces = await AskedSpaces.filled();
});
afterAll(() => spaces.clean());

describe('what is refused', () => {
  it.each<[string, object, string, string | undefined]>([
    ['nothing asked', {}, 'nexus.query_invalid', '/query'],
    ['an empty query', { query: '' }, 'nexus.query_invalid', '/query'],
    ['a blank query', { query: ' \n' }, 'nexus.query_invalid', '/query'],
    ['NUL', { query: 'a\u0000' }, 'nexus.query_invalid', '/query'],
    ['top_k 0', { query: 'x', top_k: 0 }, 'nexus.query_invalid', '/top_k'],
    ['top_k of a million', { query: 'x', top_k: 1_000_000 }, 'nexus.query_invalid', '/top_k'],
    ['depth over 1,000', { query: 'x', depth: 1001 }, 'nexus.query_invalid', '/depth'],
    ['NaN', { vector: [NaN, 1], mode: 'vector' }, 'nexus.query_invalid', '/vector/0'],
    ['infinity', { vector: [1, Infinity] }, 'nexus.query_invalid', '/vector/1'],
    ['a vector without direction', { vector: new Array(16).fill(0) }, 'nexus.query_invalid', '/vector'],
    ['another dimension', { vector: [1, 2, 3] }, 'nexus.dimension_mismatch', undefined],
    ['text by vector', { vector: [1], mode: 'text' }, 'nexus.query_invalid', '/query'],
    ['a vector in mode text', { query: 'x', vector: [1], mode: 'text' }, 'nexus.query_invalid', '/vector'],
    ['an unknown field', { query: 'x', topk: 3 }, 'nexus.query_invalid', '/topk'],
    [
      'caps upside down',
      { query: 'x', caps: { tenant: { min: 3, max: 2 } } },
      'nexus.query_invalid',
      '/caps/tenant/min',
    ],
    [
      'caps over the page',
      { query: 'x', top_k: 3, caps: { tenant: { min: 2 }, global: { min: 2 } } },
      'nexus.query_invalid',
      '/caps',
    ],
    ['an unknown reranker', { query: 'kafka', rerank: { model: 'nobody' } }, 'nexus.query_invalid', '/rerank/model'],
    ['a filter', { query: 'x', filter: { text: 1 } }, 'nexus.filter_invalid', undefined],
    ['cursor and as_of', { query: 'x', cursor: 'a', as_of: 'b' }, 'nexus.query_invalid', '/as_of'],
  ])('%s', async (_, body, code, path) => {
    const error = await query(body).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code });
    if (path)
      expect(((error as ServiceError).details.faults as { path: string }[]).map((fault) => fault.path)).toContain(path);
  });

  it('answers a query of stop words, and one of more words than there are', async () => {
    expect((await query({ query: 'the of and' })).hits).toEqual([]);
    const long = Array.from({ length: 2500 }, (_, at) => (at % 3 ? `w${at}` : 'kafka')).join(' ');
    expect((await query({ query: long.slice(0, 16_000) })).hits).toHaveLength(10);
    expect((await query({ query: `"kafka" AND (lance OR NOT *) ^2 ~ \\ 😀 ' ; --` })).hits).toHaveLength(10);
  });
});
