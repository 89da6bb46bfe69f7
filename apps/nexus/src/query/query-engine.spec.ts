import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type NexusAnswer, ServiceError, type SpaceKey } from '@runspine/contracts';
import type { Identity } from '@runspine/request-context';
import { Signer } from '@runspine/service';
import type { Embedder } from '../embedding/embedder.js';
import { HashEmbedder } from '../embedding/hash.embedder.js';
import type { SpaceStore } from '../spaces/space-store.js';
import { TestSpaces } from '../spaces/spaces.fixture.js';
import { AnswerRecords } from './answer-records.js';
import { QueryEngine } from './query-engine.js';
import type { Reranker } from './reranker.js';
import { ownSpace } from './sources.js';

const files = new TestSpaces();
const signal = new AbortController().signal;
const roles = new Set(['reader'] as const);
const identity = (tenantId: string, over: Partial<Identity> = {}): Identity => ({
  tenantId,
  env: 'test',
  projectId: 'p',
  surfaceId: 'health',
  subject: 't',
  roles,
  ...over,
});
const acme = identity('acme');
const hash = new HashEmbedder(16);

/** Answers each time a little otherwise, as remote models do. */
class Wavering implements Embedder {
  readonly dimension = 16;
  readonly semantic = true;
  calls = 0;
  constructor(readonly model: string) {}
  async embed(texts: readonly string[], purpose: 'document' | 'query'): Promise<Float32Array[]> {
    const vectors = await hash.embed(texts, purpose, signal);
    if (purpose === 'document') return vectors;
    this.calls++;
    return vectors.map((vector) => vector.map((value, at) => value + 0.5 * Math.sin(at * this.calls)));
  }
}

/** Scores by the length of texts, and the other way round the next time. */
class Fickle implements Reranker {
  readonly model = 'fickle';
  calls = 0;
  async score(_query: string, texts: readonly string[]): Promise<number[]> {
    const sign = this.calls++ % 2 === 0 ? 1 : -1;
    return texts.map((text) => sign * text.length);
  }
}

let root: string;
let store: SpaceStore;
let wavering: Wavering;
let fickle: Fickle;

function engineOf(on: SpaceStore): QueryEngine {
  return new QueryEngine({
    spaces: on,
    records: new AnswerRecords((space) => on.tables.connection(space), { keepMs: 60_000, recordsMax: 1000 }),
    signer: new Signer(Buffer.alloc(32, 7)),
    embedderOf: (model) => (model === hash.model ? hash : model === wavering.model ? wavering : undefined),
    rerankerOf: (model) => (model === undefined || model === fickle.model ? fickle : undefined),
  });
}

let engine: QueryEngine;
let offset = 0;

async function put(space: SpaceKey, texts: Record<string, string>, embedder: Embedder = hash): Promise<void> {
  const ids = Object.keys(texts);
  const vectors = await embedder.embed(Object.values(texts), 'document', signal);
  const changes = ids.map((documentId, at) => ({
    documentId,
    sourceOffset: offset++,
    type: 'note',
    chunks: [
      { text: texts[documentId] as string, vector: vectors[at] as Float32Array, metadata: { at, 'a.b': [documentId] } },
    ],
  }));
  await store.commit(space, { model: embedder.model, dimension: 16 }, changes);
}

const words = ['kafka', 'log', 'offset', 'lance', 'table', 'index', 'rank', 'score', 'query', 'space'];
const many = (prefix: string, count: number, from = 0) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => [
      `${prefix}${at + from}`,
      `kafka ${words.filter((_word, bit) => ((at + from) >> bit) & 1).join(' ')} ${'filler '.repeat(at % 7)}`,
    ]),
  );

const query = (body: object, who = acme, space = 'notes') => engine.query(who, space, body, signal);
const ids = (answer: NexusAnswer) => answer.hits.map((hit) => `${hit.source_scope}:${hit.document_id}`);

async function walk(body: object, between: () => Promise<unknown> = async () => undefined): Promise<NexusAnswer[]> {
  const pages = [await query(body)];
  for (;;) {
    const cursor = pages.at(-1)?.next_cursor;
    if (!cursor) return pages;
    if (pages.length > 200) throw new Error('never ends');
    await between();
    pages.push(await query({ ...body, cursor }));
  }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ServiceError) return error.code;
    throw error;
  }
  return 'answered';
}

beforeAll(async () => {
  wavering = new Wavering('far:model');
  fickle = new Fickle();
  root = await files.root();
  store = files.store(root);
  engine = engineOf(store);
  await put(ownSpace(acme, 'notes'), many('a', 60));
  await put(ownSpace(identity('t_system'), 'notes'), many('g', 60, 30));
  await put(ownSpace(acme, 'far'), many('f', 60), wavering);
  await put(ownSpace(identity('t_system'), 'far'), many('h', 60), hash);
});

afterEach(() => {
  engine = engineOf(store);
});

afterAll(() => files.clean());

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

describe('cursors', () => {
  it.each(['text', 'vector', 'hybrid'])(
    'walk all of it once while others write, over a restart, in mode %s',
    async (mode) => {
      const body = { query: 'kafka lance table', mode, include_global: true, depth: 500 };
      const whole = await query({ ...body, top_k: 100 });
      const rest = await query({ ...body, top_k: 100, cursor: whole.next_cursor });
      const pages = await walk({ ...body, top_k: 7 }, async () => {
        await put(ownSpace(acme, 'notes'), many('a', 3, offset % 60));
        await put(ownSpace(identity('t_system'), 'notes'), { new: 'kafka lance table lance table' });
        await store.commit(ownSpace(identity('t_system'), 'notes'), { model: hash.model, dimension: 16 }, [
          { documentId: 'new', sourceOffset: offset++, chunks: [] },
        ]);
        engine = engineOf(store);
      });
      const hits = pages.flatMap((page) => page.hits);
      expect(hits).toEqual([...whole.hits, ...rest.hits]);
      expect(hits).toHaveLength(120);
    },
  );

  it('say where the depth ends the list', async () => {
    const pages = await walk({ query: 'kafka', depth: 25, top_k: 10 });
    expect(pages.map(({ hits, truncated }) => [hits.length, truncated])).toEqual([
      [10, undefined],
      [10, undefined],
      [5, true],
    ]);
    const whole = await walk({ query: 'kafka', top_k: 50 });
    expect(whole.at(-1)).not.toHaveProperty('truncated');
  });

  it('are worth nothing elsewhere', async () => {
    const body = { query: 'kafka lance', top_k: 5 };
    const { next_cursor: cursor } = (await query(body)) as { next_cursor: string };
    expect(await codeOf(query({ ...body, cursor }))).toBe('answered');
    expect(await codeOf(query({ ...body, top_k: 9, cursor }))).toBe('answered');
    const wrong: [object, Identity?, string?][] = [
      [{ query: 'kafka' }],
      [{ query: 'kafka lance', filter: { type: 'x' } }],
      [{ query: 'kafka lance', include_global: true }],
      [{ query: 'kafka lance', mode: 'vector' }],
      [{ query: 'kafka lance', fusion: { k: 2 } }],
      [{ query: 'kafka lance', caps: { tenant: { max: 1 } } }],
      [body, identity('other')],
      [body, identity('acme', { env: 'prod' })],
      [body, identity('acme', { surfaceId: 'x' })],
      [body, acme, 'far'],
    ];
    for (const [other, who, space] of wrong)
      expect(await codeOf(query({ ...other, cursor }, who, space))).toBe('nexus.cursor_invalid');
    for (const at of [0, 5, cursor.length >> 1, cursor.length - 1]) {
      const tampered = cursor.slice(0, at) + (cursor[at] === 'A' ? 'B' : 'A') + cursor.slice(at + 1);
      expect(await codeOf(query({ ...body, cursor: tampered }))).toBe('nexus.cursor_invalid');
    }
    for (const other of ['x', '.', 'null.AAAAAAAAAAAAAAAAAAAAAA', `${cursor}=`])
      expect(await codeOf(query({ ...body, cursor: other }))).toBe('nexus.cursor_invalid');
  });
});

describe('snapshots', () => {
  it('give the same hits byte for byte, whatever was written since', async () => {
    for (const mode of ['text', 'vector', 'hybrid']) {
      const body = {
        query: 'lance offset',
        mode,
        include_global: true,
        include: ['text', 'metadata', 'scores', 'vector'],
      };
      const first = await query(body);
      await put(ownSpace(acme, 'notes'), { [`late-${mode}`]: 'lance offset lance offset' });
      const then = await query({ ...body, as_of: first.snapshot });
      expect(JSON.stringify(then.hits)).toBe(JSON.stringify(first.hits));
      expect(then.snapshot).toBe(first.snapshot);
      expect(JSON.stringify((await query(body)).hits)).not.toBe(JSON.stringify(first.hits));
    }
  });

  it("keep a remote model's vector and a reranker's order, over a restart, for pages too", async () => {
    for (const body of [
      { query: 'table score', mode: 'vector' },
      { query: 'table score', rerank: true },
      { query: 'table', mode: 'hybrid', rerank: { top_n: 30 } },
    ]) {
      const first = await query({ ...body, top_k: 8 }, acme, 'far');
      engine = engineOf(files.store(root));
      const then = await query({ ...body, top_k: 8, as_of: first.snapshot }, acme, 'far');
      expect(JSON.stringify(then.hits)).toBe(JSON.stringify(first.hits));
      const pages = [first];
      while (pages.at(-1)?.next_cursor)
        pages.push(await query({ ...body, top_k: 8, cursor: pages.at(-1)?.next_cursor }, acme, 'far'));
      const all = pages.flatMap(ids);
      expect(new Set(all).size).toBe(all.length);
      expect(all.length).toBe('top_n' in Object(body.rerank) ? 30 : 60);
      const scores = pages.flatMap((page) => page.hits.map((hit) => hit.score));
      expect(scores).toEqual([...scores].sort((one, other) => other - one));
    }
  });

  it('are refused when malformed or foreign, and expire with their versions', async () => {
    const { snapshot } = await query({ query: 'kafka' });
    expect(await codeOf(query({ query: 'lance', as_of: snapshot }))).toBe('answered');
    expect(await codeOf(query({ query: 'kafka', as_of: 'nonsense' }))).toBe('nexus.snapshot_invalid');
    expect(await codeOf(query({ query: 'kafka', as_of: snapshot }, identity('other')))).toBe('nexus.snapshot_invalid');
    expect(await codeOf(query({ query: 'kafka', as_of: snapshot, include_global: true }))).toBe(
      'nexus.snapshot_invalid',
    );
    const space = ownSpace(acme, 'pruned');
    await put(space, { a: 'kafka', b: 'kafka' });
    const before = await query({ query: 'kafka', top_k: 1 }, acme, 'pruned');
    await put(space, { c: 'kafka' });
    const table = await store.tables.open(space);
    await table?.optimize({ cleanupOlderThan: new Date(), deleteUnverified: true });
    table?.close();
    const cold = files.store(root);
    engine = engineOf(cold);
    expect(await codeOf(query({ query: 'kafka', top_k: 1, as_of: before.snapshot }, acme, 'pruned'))).toBe(
      'nexus.snapshot_expired',
    );
    expect(await codeOf(query({ query: 'kafka', top_k: 1, cursor: before.next_cursor }, acme, 'pruned'))).toBe(
      'nexus.cursor_invalid',
    );
  });
});

describe('explain', () => {
  it("shows each hit's rank and score by modality and source", async () => {
    const answer = await engine.explain(
      acme,
      'notes',
      { query: 'lance table', mode: 'hybrid', include_global: true, rerank: true },
      signal,
    );
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
