import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { acme, AskedSpaces, identity, ids } from './asked-spaces.fixture.js';

let spaces: AskedSpaces;
const query: AskedSpaces['query'] = (...asked) => spaces.query(...asked);
const walk: AskedSpaces['walk'] = (...asked) => spaces.walk(...asked);

beforeAll(async () => {
  spaces = await AskedSpaces.filled();
});
afterEach(() => spaces.restart());
afterAll(() => spaces.clean());

describe('whose hits', () => {
  it('only the own space without include_global, both with it, each named', async () => {
    const own = await query({ query: 'kafka lance', top_k: 100 });
    expect(new Set(ids(own).map((id) => id.split(':')[0]))).toEqual(new Set(['tenant']));
    const both = await query({ query: 'kafka lance', top_k: 100, include_global: true });
    expect(new Set(ids(both).map((id) => id.split(':')[0]))).toEqual(new Set(['tenant', 'global']));
    expect(both.searched.versions).toEqual({ tenant: expect.any(Number), global: expect.any(Number) });
    expect(both.searched.rows).toEqual({ tenant: 60, global: 60 });
  });

  it.each([
    ['tenant', identity('other')],
    ['env', identity('acme', { env: 'prod' })],
    ['project', identity('acme', { projectId: 'q' })],
    ['surface', identity('acme', { surfaceId: 'marketing' })],
  ])('nothing of another %s, nor of its global space', async (name, who) => {
    const answer = await query({ query: 'kafka', include_global: true }, who);
    const globalIsShared = name === 'tenant';
    expect(new Set(ids(answer).map((id) => id.split(':')[0]))).toEqual(new Set(globalIsShared ? ['global'] : []));
  });

  it('t_system searches its own space once, and its hits are global', async () => {
    const answer = await query({ query: 'kafka', top_k: 100, include_global: true }, identity('t_system'));
    expect(answer.hits).toHaveLength(60);
    expect(new Set(answer.hits.map((hit) => hit.source_scope))).toEqual(new Set(['global']));
    expect(answer.searched.versions).toEqual({ global: expect.any(Number) });
  });

  it('no space, no hits', async () => {
    expect(await query({ query: 'kafka' }, acme, 'nothing')).toMatchObject({
      hits: [],
      next_cursor: null,
      searched: { embedding: null },
    });
    expect((await query({ vector: [1, 2], mode: 'vector' }, acme, 'nothing')).hits).toEqual([]);
  });
});

describe('what comes back', () => {
  it('text and metadata by default, and else what is asked for', async () => {
    const [hit] = (await query({ query: 'lance' })).hits;
    expect(hit).toMatchObject({
      text: expect.stringContaining('lance'),
      type: 'note',
      source_uri: null,
      metadata: { 'a.b': [hit?.document_id] },
    });
    expect(hit).not.toHaveProperty('vector');
    const [other] = (await query({ query: 'lance', mode: 'hybrid', include: ['vector', 'scores'] })).hits;
    expect(other).not.toHaveProperty('text');
    expect(other?.vector).toHaveLength(16);
    expect(other?.scores).toEqual({ vector: expect.any(Number), text: expect.any(Number), fused: other?.score });
  });

  it.each(['text', 'vector', 'hybrid'])('scores that never rise, in mode %s', async (mode) => {
    const pages = await walk({ query: 'lance table rank', mode, top_k: 7, include_global: true });
    const scores = pages.flatMap((page) => page.hits.map((hit) => hit.score));
    expect(scores).toEqual([...scores].sort((one, other) => other - one));
    expect(pages[0]?.score_kind).toBe({ text: 'bm25', vector: 'cosine', hybrid: 'rrf' }[mode]);
  });

  it('auto is text where the embedder knows words only, hybrid where it knows meaning, and takes a vector that is given', async () => {
    const modeOf = async (body: object, space: string) => (await query(body, acme, space)).searched.mode;
    expect(await modeOf({ query: 'kafka' }, 'notes')).toBe('text');
    expect(await modeOf({ query: 'kafka' }, 'far')).toBe('hybrid');
    const vector = Array.from({ length: 16 }, (_, at) => at + 1);
    expect(await modeOf({ vector }, 'notes')).toBe('vector');
    expect(await modeOf({ query: 'kafka', vector }, 'notes')).toBe('hybrid');
  });

  it('only what the filter leaves, in every mode', async () => {
    for (const mode of ['text', 'vector', 'hybrid']) {
      const answer = await query({ query: 'kafka', mode, top_k: 100, filter: { 'metadata.at': { $lt: 5 } } });
      expect(ids(answer).sort()).toEqual(['a0', 'a1', 'a2', 'a3', 'a4'].map((id) => `tenant:${id}`));
    }
    expect((await query({ query: 'kafka', filter: { 'metadata.a.b': 'a3' } })).hits).toHaveLength(1);
  });

  it('ranks sources of different models by rank, and says so', async () => {
    const answer = await query({ query: 'kafka lance', mode: 'vector', include_global: true, top_k: 10 }, acme, 'far');
    expect(answer.score_kind).toBe('rrf');
    expect(JSON.stringify(answer.searched.fusion)).toContain('models differ');
    expect(answer.hits.filter((hit) => hit.source_scope === 'global')).toHaveLength(5);
  });
});

describe('caps', () => {
  it('count within each page, and the list ends where they leave one short', async () => {
    const caps = { tenant: { max: 3 }, global: { min: 2, max: 4 } };
    const pages = await walk({ query: 'kafka lance table', include_global: true, top_k: 6, caps });
    for (const [at, { hits }] of pages.entries()) {
      const global = hits.filter((hit) => hit.source_scope === 'global').length;
      expect(hits.length - global).toBeLessThanOrEqual(3);
      expect(global).toBeLessThanOrEqual(4);
      if (at < pages.length - 1) expect([hits.length, global >= 2]).toEqual([6, true]);
      const scores = hits.map((hit) => hit.score);
      expect(scores).toEqual([...scores].sort((one, other) => other - one));
    }
    const all = pages.flatMap(ids);
    expect(new Set(all).size).toBe(all.length);
    expect((await query({ query: 'kafka', caps: { tenant: { max: 2 } } })).hits).toHaveLength(2);
  });
});

describe('explain', () => {
  it("shows each hit's rank and score by modality and source", async () => {
    const answer = await spaces.explain({
      query: 'lance table',
      mode: 'hybrid',
      include_global: true,
      rerank: true,
    });
    const [hit] = answer.hits;
    const place = { rank: expect.any(Number), source_rank: expect.any(Number), score: expect.any(Number) };
    expect(hit?.explanation).toEqual({
      vector: place,
      text: place,
      fused: place,
      rerank: { ...place, model: 'fickle', rank: 1 },
    });
    expect(answer.searched).toMatchObject({
      candidates: { vector: [expect.any(Number), expect.any(Number)] },
      statistics: { chunks: expect.any(Number) },
      timings_ms: { retrieve: expect.any(Number) },
    });
    const { vector, text, fused } = hit?.explanation ?? {};
    expect(fused?.score).toBeCloseTo(1 / (60 + (vector?.rank ?? NaN)) + 1 / (60 + (text?.rank ?? NaN)), 12);
  });
});
