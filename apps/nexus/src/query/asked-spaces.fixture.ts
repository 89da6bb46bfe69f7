import { type NexusAnswer, ServiceError, type SpaceKey } from '@runspine/contracts';
import type { Identity } from '@runspine/request-context';
import { Signer } from '@runspine/service';
import type { Embedder } from '../embedding/embedder.js';
import { HashEmbedder } from '../embedding/hash.embedder.js';
import { TestSpaces } from '../spaces/spaces.fixture.js';
import type { SpaceStore } from '../spaces/space-store.js';
import { AnswerRecords } from './answer-records.js';
import { QueryEngine } from './query-engine.js';
import type { Reranker } from './reranker.js';
import { ownSpace } from './sources.js';

const signal = new AbortController().signal;
const roles = new Set(['reader'] as const);
export const identity = (tenantId: string, over: Partial<Identity> = {}): Identity => ({
  tenantId,
  env: 'test',
  projectId: 'p',
  surfaceId: 'health',
  subject: 't',
  roles,
  ...over,
});
export const acme = identity('acme');
export const hash = new HashEmbedder(16);

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

/**
 * Spaces to ask, filled: `notes` of acme and the global one, and `far`, whose own part a wavering model embedded. Real:
 * LanceDB and the engine.
 */
export class AskedSpaces {
  readonly #files = new TestSpaces();
  readonly #wavering = new Wavering('far:model');
  readonly #fickle = new Fickle();
  #root = '';
  store!: SpaceStore;
  engine!: QueryEngine;
  /** Of the next change. */
  offset = 0;

  static async filled(): Promise<AskedSpaces> {
    const spaces = new AskedSpaces();
    spaces.#root = await spaces.#files.root();
    spaces.store = spaces.anotherStore();
    spaces.restart();
    await spaces.put(ownSpace(acme, 'notes'), many('a', 60));
    await spaces.put(ownSpace(identity('t_system'), 'notes'), many('g', 60, 30));
    await spaces.put(ownSpace(acme, 'far'), many('f', 60), spaces.#wavering);
    await spaces.put(ownSpace(identity('t_system'), 'far'), many('h', 60), hash);
    return spaces;
  }

  /** As a process has it that knows nothing yet. */
  anotherStore(): SpaceStore {
    return this.#files.store(this.#root);
  }

  /** From now on another engine answers. */
  restart(on: SpaceStore = this.store): void {
    this.engine = new QueryEngine({
      spaces: on,
      records: new AnswerRecords((space) => on.tables.connection(space), { keepMs: 60_000, recordsMax: 1000 }),
      signer: new Signer(Buffer.alloc(32, 7)),
      embedderOf: (model) =>
        model === hash.model ? hash : model === this.#wavering.model ? this.#wavering : undefined,
      rerankerOf: (model) => (model === undefined || model === this.#fickle.model ? this.#fickle : undefined),
    });
  }

  async put(space: SpaceKey, texts: Record<string, string>, embedder: Embedder = hash): Promise<void> {
    const ids = Object.keys(texts);
    const vectors = await embedder.embed(Object.values(texts), 'document', signal);
    const changes = ids.map((documentId, at) => ({
      documentId,
      sourceOffset: this.offset++,
      type: 'note',
      chunks: [
        {
          text: texts[documentId] as string,
          vector: vectors[at] as Float32Array,
          metadata: { at, 'a.b': [documentId] },
        },
      ],
    }));
    await this.store.commit(space, { model: embedder.model, dimension: 16 }, changes);
  }

  query(body: object, who = acme, space = 'notes'): Promise<NexusAnswer> {
    return this.engine.query(who, space, body, signal);
  }

  explain(body: object): ReturnType<QueryEngine['explain']> {
    return this.engine.explain(acme, 'notes', body, signal);
  }

  /** Every page, `between` run before each but the first. */
  async walk(body: object, between: () => Promise<unknown> = async () => undefined): Promise<NexusAnswer[]> {
    const pages = [await this.query(body)];
    for (;;) {
      const cursor = pages.at(-1)?.next_cursor;
      if (!cursor) return pages;
      if (pages.length > 200) throw new Error('never ends');
      await between();
      pages.push(await this.query({ ...body, cursor }));
    }
  }

  clean(): Promise<void> {
    return this.#files.clean();
  }
}

const words = ['kafka', 'log', 'offset', 'lance', 'table', 'index', 'rank', 'score', 'query', 'space'];
/** Documents with ids of this prefix, each with words of its own. */
export const many = (prefix: string, count: number, from = 0) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => [
      `${prefix}${at + from}`,
      `kafka ${words.filter((_word, bit) => ((at + from) >> bit) & 1).join(' ')} ${'filler '.repeat(at % 7)}`,
    ]),
  );

export const ids = (answer: NexusAnswer) => answer.hits.map((hit) => `${hit.source_scope}:${hit.document_id}`);

/** Of the refusal; `answered` where there is none. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ServiceError) return error.code;
    throw error;
  }
  return 'answered';
}
