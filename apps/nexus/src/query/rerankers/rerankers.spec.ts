import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  answers,
  cutsOff,
  isNotJson,
  MisbehavingServer,
  refuses,
  saysNothing,
} from '../../remote/misbehaving-server.fixture.js';
import { HttpReranker, type HttpRerankerOptions } from './http.reranker.js';
import { LexicalReranker } from './lexical.reranker.js';

const never = new AbortController().signal;

describe('the http reranker', () => {
  const server = new MisbehavingServer();
  let url: string;
  const scores = answers(({ documents }) => ({
    results: (documents as string[]).map((text, index) => ({ index, relevance_score: text.length })).reverse(),
  }));
  const reranker = (options: Partial<HttpRerankerOptions> = {}) =>
    new HttpReranker({ url, model: 'ranker', timeoutMs: 2000, triesMax: 2, pauseMs: 5, ...options });

  beforeAll(async () => {
    url = `${await server.start()}/v1/rerank`;
  });
  afterAll(() => server.stop());

  it('asks in the shape of Cohere and Jina, and answers in the order of the texts', async () => {
    server.behave(scores);

    expect(await reranker({ apiKey: 'k', textCharsMax: 4 }).score('q', ['a', 'bb', 'ccc😀'], never)).toEqual([1, 2, 3]);
    expect(server.seen).toMatchObject([
      { authorization: 'Bearer k', body: { model: 'ranker', query: 'q', documents: ['a', 'bb', 'ccc'], top_n: 3 } },
    ]);
    expect(await reranker().score('q', [], never)).toEqual([]);
  });

  it.each([
    ['429 with Retry-After', refuses(429, { 'retry-after': '0' })],
    ['500', refuses(500)],
    ['an answer cut off', cutsOff],
    ['an answer that is not JSON', isNotJson],
    ['silence', saysNothing],
  ])('tries again after %s, and says in the end that it is not there', async (_name, fault) => {
    server.behave(fault, scores);
    expect(await reranker({ timeoutMs: 150 }).score('q', ['a'], never)).toEqual([1]);

    server.behave(fault);
    await expect(reranker({ timeoutMs: 150 }).score('q', ['a'], never)).rejects.toMatchObject({
      code: 'nexus.reranker_unavailable',
    });
    expect(server.seen).toHaveLength(2);
  });

  it.each([
    ['no results', {}],
    ['too few', { results: [] }],
    ['one twice', { results: [0, 0].map((index) => ({ index, relevance_score: 1 })) }],
    ['one out of range', { results: [0, 2].map((index) => ({ index, relevance_score: 1 })) }],
    ['no number', { results: [0, 1].map((index) => ({ index, relevance_score: '1' })) }],
  ])('refuses an answer with %s', async (_name, answer) => {
    server.behave(answers(() => answer));
    await expect(reranker().score('q', ['a', 'b'], never)).rejects.toMatchObject({ code: 'nexus.reranker_invalid' });
    expect(server.seen).toHaveLength(1);
  });
});

describe('the lexical reranker', () => {
  const texts = ['nothing of it', 'Quick brown foxes', 'the quick one and the brown one', 'quick brown', ''];

  it('prefers texts with more of the words, and with the words side by side', async () => {
    const given = await new LexicalReranker().score('quick BROWN', texts, never);

    expect(given[3]).toBeGreaterThan(given[1] as number);
    expect(given[1]).toBeGreaterThan(given[2] as number);
    expect(given[2]).toBeGreaterThan(0);
    expect(given[0]).toBe(0);
    expect(given[4]).toBe(0);
  });

  it('scores by the formula that it documents', async () => {
    const [score] = await new LexicalReranker().score('a', ['a b', 'c d'], never);
    const idf = Math.log(1 + (2 - 1 + 0.5) / (1 + 0.5));

    expect(score).toBeCloseTo((idf * 2.2) / 2.2, 12);
  });

  it('takes texts and questions without words', async () => {
    expect(await new LexicalReranker().score('?!', ['', '…'], never)).toEqual([0, 0]);
    expect(await new LexicalReranker().score('word', [], never)).toEqual([]);
  });
});
