import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  answers,
  type Behaviour,
  cutsOff,
  isNotJson,
  MisbehavingServer,
  refuses,
  saysNothing,
} from '../remote/misbehaving-server.fixture.js';
import { OpenAiEmbedder, type OpenAiEmbedderOptions } from './openai.embedder.js';

const server = new MisbehavingServer();
let url: string;
const never = new AbortController().signal;

/** As OpenAI answers, in another order: a vector that shows its text's length. */
const embeds = answers(({ input }) => ({
  data: (input as string[]).map((text, index) => ({ index, embedding: [text.length, 1, 0] })).reverse(),
}));

beforeAll(async () => {
  url = `${await server.start()}/v1/embeddings`;
});
afterAll(() => server.stop());

const embedder = (options: Partial<OpenAiEmbedderOptions> = {}) =>
  new OpenAiEmbedder({ url, model: 'small', timeoutMs: 2000, triesMax: 3, pauseMs: 5, ...options });

describe('the openai embedder', () => {
  it('asks as OpenAI is asked, and answers in the order of the texts with vectors of length 1', async () => {
    server.behave(embeds);
    const made = embedder({ apiKey: 'k', documentPrefix: 'doc: ' });

    const vectors = await made.embed(['a', 'bbb'], 'document', never);

    expect(vectors[1]).toEqual(Float32Array.from([8, 1, 0], (value) => value / Math.sqrt(65)));
    expect(vectors[0]?.[0]).toBeCloseTo(6 / Math.sqrt(37), 6);
    expect(server.seen).toMatchObject([
      { authorization: 'Bearer k', body: { model: 'small', input: ['doc: a', 'doc: bbb'], encoding_format: 'float' } },
    ]);
    expect(made).toMatchObject({ model: 'openai:small', dimension: 3, semantic: true });
  });

  it('asks for each text once, in batches, and not again for what it knows', async () => {
    server.behave(embeds);
    const made = embedder({ batchTexts: 2 });
    const texts = ['a', 'bb', 'ccc', 'a', 'dddd', 'eeeee'];

    const vectors = await made.embed(texts, 'document', never);
    const again = await made.embed(texts, 'query', never);

    expect(again).toEqual(vectors);
    expect(server.seen.map(({ body }) => body.input)).toEqual([['a', 'bb'], ['ccc', 'dddd'], ['eeeee']]);
  });

  it('keeps no more vectors than it may', async () => {
    server.behave(embeds);
    const made = embedder({ cacheBytes: 300 });

    for (const text of ['a', 'bb', 'ccc', 'a']) await made.embed([text], 'document', never);

    expect(server.seen).toHaveLength(4);
  });

  it('never has more requests open than it may, and lets questions go before documents', async () => {
    let open = 0;
    let most = 0;
    const order: string[] = [];
    server.behave((request, reply) => {
      open++;
      most = Math.max(most, open);
      order.push(...(request.body.input as string[]));
      setTimeout(() => {
        open--;
        embeds(request, reply);
      }, 30);
    });
    const made = embedder({ batchTexts: 1, concurrency: 2 });

    const documents = made.embed(['d1', 'd22', 'd333', 'd4444', 'd55555'], 'document', never);
    const question = made.embed(['question'], 'query', never);
    await Promise.all([documents, question]);

    expect(most).toBe(2);
    expect(order.indexOf('question')).toBe(2);
  });

  it('waits as long as Retry-After says', async () => {
    server.behave(refuses(429, { 'retry-after': '1' }), embeds);

    await embedder().embed(['x'], 'document', never);

    const [first, second] = server.seen;
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it('does not wait for a Retry-After that is longer than it may', async () => {
    server.behave(refuses(429, { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() }), embeds);

    await expect(embedder().embed(['x'], 'document', never)).rejects.toMatchObject({
      code: 'nexus.embedder_unavailable',
    });
    expect(server.seen).toHaveLength(1);
  });

  it.each([
    ['500', refuses(500)],
    ['503', refuses(503)],
    ['an answer cut off', cutsOff],
    ['an answer that is not JSON', isNotJson],
    ['an answer later than it waits', saysNothing],
  ])('tries again after %s', async (_name, fault: Behaviour) => {
    server.behave(fault, fault, embeds);

    const vectors = await embedder({ timeoutMs: 200 }).embed(['x'], 'document', never);

    expect(vectors).toHaveLength(1);
    expect(server.seen).toHaveLength(3);
  });

  it.each([
    ['500', refuses(500), 'nexus.embedder_unavailable', 3],
    ['an answer cut off', cutsOff, 'nexus.embedder_unavailable', 3],
    ['an answer that is not JSON', isNotJson, 'nexus.embedder_unavailable', 3],
    ['silence', saysNothing, 'nexus.embedder_unavailable', 3],
    ['401', refuses(401), 'nexus.embedder_invalid', 1],
    ['400', refuses(400), 'nexus.embedder_invalid', 1],
    ['a redirect', refuses(302, { location: 'http://127.0.0.1:1/' }), 'nexus.embedder_unavailable', 3],
    ['too few vectors', answers(() => ({ data: [] })), 'nexus.embedder_invalid', 1],
    ['no list', answers(() => ({ vectors: 1 })), 'nexus.embedder_invalid', 1],
    ['null', answers(() => null), 'nexus.embedder_invalid', 1],
    ['text for numbers', answers(() => ({ data: [{ embedding: ['1'] }] })), 'nexus.embedder_invalid', 1],
    ['zeros', answers(() => ({ data: [{ embedding: [0, 0] }] })), 'nexus.embedder_invalid', 1],
    ['an index out of range', answers(() => ({ data: [{ index: 1, embedding: [1] }] })), 'nexus.embedder_invalid', 1],
  ])('gives up in the end on %s, and shows nothing of what the server said', async (_name, fault, code, tries) => {
    server.behave(fault);

    const failure = await embedder({ timeoutMs: 100 })
      .embed(['x'], 'document', never)
      .catch((error: unknown) => error as Error);

    expect(failure).toMatchObject({ code });
    expect((failure as Error).message).not.toContain('sk-secret');
    expect(server.seen).toHaveLength(tries);
  });

  it('refuses a vector of another dimension than before', async () => {
    const made = embedder();
    server.behave(embeds);
    await made.embed(['x'], 'document', never);
    server.behave(answers(() => ({ data: [{ index: 0, embedding: [1, 2] }] })));

    await expect(made.embed(['y'], 'document', never)).rejects.toMatchObject({ code: 'nexus.embedder_invalid' });
  });

  it('stops at once when it is told to', async () => {
    server.behave(saysNothing);
    const given = new AbortController();
    const asked = embedder({ timeoutMs: 20_000 }).embed(['x'], 'document', given.signal);
    setTimeout(() => given.abort(new Error('drained')), 50);

    await expect(asked).rejects.toThrow('drained');
  });
});
