import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SpaceKey } from '@runspine/contracts';
import type { Identity } from '@runspine/request-context';
import { Signer } from '@runspine/service';
import { HashEmbedder } from '../embedding/hash.embedder.js';
import type { SpaceStore } from '../spaces/space-store.js';
import { tokensOfText } from '../spaces/text-terms.js';
import { TestSpaces } from '../spaces/spaces.fixture.js';
import {
  type Corpus,
  type CorpusDocument,
  fill,
  generatedCorpus,
  ndcg10,
  type Question,
  randomOf,
  repositoryCorpus,
} from './corpus.fixture.js';
import { QueryEngine } from './query-engine.js';
import { ownSpace } from './sources.js';

/**
 * One ranking over two sources: the answer must be the one that a single corpus gives, worked out here without an
 * index and without the engine's own functions.
 */
const spaces = new TestSpaces();
const roles = new Set(['reader'] as const);
const caller = (tenantId: string): Identity => ({
  tenantId,
  env: 'test',
  projectId: 'p',
  surfaceId: 's',
  subject: 't',
  roles,
});
const never = new AbortController().signal;

afterAll(() => spaces.clean());

/** A document's terms with counts, and how many there are. */
interface Counted {
  readonly id: string;
  readonly length: number;
  readonly counts: ReadonlyMap<string, number>;
}

/** BM25 as the textbook has it, over every document. */
class Exhaustive {
  private constructor(
    private readonly documents: readonly CorpusDocument[],
    private readonly counted: readonly Counted[],
  ) {}

  static async over(documents: readonly CorpusDocument[]): Promise<Exhaustive> {
    const counted: Counted[] = [];
    for (const { id, text } of documents) {
      const counts = new Map<string, number>();
      const tokens = await tokensOfText(text);
      for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
      counted.push({ id, length: tokens.length, counts });
    }
    return new Exhaustive(documents, counted);
  }

  async text(question: Question, depth = 200): Promise<[id: string, score: number][]> {
    const n = this.counted.length;
    const mean = this.counted.reduce((sum, { length }) => sum + length, 0) / n;
    const scores = new Map<string, number>();
    for (const term of await tokensOfText(question.text)) {
      const having = this.counted.filter(({ counts }) => counts.has(term));
      const idf = Math.log(1 + (n - having.length + 0.5) / (having.length + 0.5));
      for (const { id, length, counts } of having) {
        const tf = counts.get(term) as number;
        scores.set(id, (scores.get(id) ?? 0) + (idf * tf * 2.2) / (tf + 1.2 * (0.25 + (0.75 * length) / mean)));
      }
    }
    return [...scores].sort((one, other) => other[1] - one[1]).slice(0, depth);
  }

  vector(question: Question, depth = 200): [id: string, score: number][] {
    const cosine = (one: Float32Array, other: Float32Array) =>
      one.reduce((sum, value, at) => sum + value * (other[at] as number), 0);
    const scored = this.documents.map(({ id, vector }): [string, number] => [id, cosine(vector, question.vector)]);
    return scored.sort((one, other) => other[1] - one[1]).slice(0, depth);
  }

  async hybrid(question: Question): Promise<[id: string, score: number][]> {
    const scores = new Map<string, number>();
    for (const list of [this.vector(question), await this.text(question)]) {
      let rank = 1;
      list.forEach(([id, score], at) => {
        // Equals share a rank; sums in another order differ in their last digits.
        if (at > 0 && (list[at - 1]?.[1] as number) - score > 1e-9) rank = at + 1;
        scores.set(id, (scores.get(id) ?? 0) + 1 / (60 + rank));
      });
    }
    return [...scores].sort((one, other) => other[1] - one[1]);
  }
}

describe.each<[string, () => Promise<Corpus>]>([
  ['a generated corpus', async () => generatedCorpus(4000, 80)],
  [
    "the repository's own documents",
    () => repositoryCorpus(resolve(import.meta.dirname, '../../../..'), new HashEmbedder(64), 80),
  ],
])('%s', (_, corpusOf) => {
  let corpus: Corpus;
  let exhaustive: Exhaustive;
  let store: SpaceStore;
  let engine: QueryEngine;
  const splits: [string, (document: CorpusDocument, random: () => number) => boolean][] = [
    ['at random', (_document, random) => random() < 0.5],
    ['unevenly', (_document, random) => random() < 0.1],
    ['by topic', ({ topic }) => topic % 2 === 0],
  ];

  beforeAll(async () => {
    corpus = await corpusOf();
    exhaustive = await Exhaustive.over(corpus.documents);
    store = spaces.store(await spaces.root());
    engine = new QueryEngine({
      spaces: store,
      records: { put: () => Promise.reject(new Error('unused')), get: () => Promise.resolve(undefined) },
      signer: new Signer(Buffer.alloc(32, 1)),
      embedderOf: () => undefined,
      rerankerOf: () => undefined,
    });
    await fill(store, ownSpace(caller('whole'), 'corpus'), corpus.documents, true);
    for (const [index, [, isOwn]] of splits.entries()) {
      const random = randomOf(index);
      const own: CorpusDocument[] = [];
      const global: CorpusDocument[] = [];
      for (const document of corpus.documents) (isOwn(document, random) ? own : global).push(document);
      await fill(store, ownSpace(caller('acme'), `split-${index}`), own, true);
      // Half of the global one is not in the index: it must be found all the same.
      const key: SpaceKey = ownSpace(caller('t_system'), `split-${index}`);
      await fill(store, key, global.slice(0, global.length / 2), true);
      await fill(store, key, global.slice(global.length / 2), false);
    }
  }, 300_000);

  describe.each(['text', 'vector', 'hybrid'] as const)('%s', (mode) => {
    const ask = async (tenant: string, space: string, question: Question) => {
      const body = {
        mode,
        // Beyond the ten, to see who else has the tenth's score.
        top_k: 50,
        include_global: true,
        include: [],
        ...(mode !== 'vector' && { query: question.text }),
        ...(mode !== 'text' && { vector: [...question.vector] }),
      };
      return (await engine.query(caller(tenant), space, body, never)).hits;
    };

    it.each<[string, string, string]>([
      ['in one space', 'whole', 'corpus'],
      ...splits.map(([name], index): [string, string, string] => [`split ${name}`, 'acme', `split-${index}`]),
    ])('%s is ranked as one corpus', async (name, tenant, space) => {
      let same = 0;
      let found = 0;
      let ideal = 0;
      for (const question of corpus.questions) {
        const wanted = await exhaustive[mode](question);
        const hits = await ask(tenant, space, question);
        const [best, wantedBest] = [hits.slice(0, 10), wanted.slice(0, 10)];
        // Equal scores may stand in any order: positions must have the wanted scores, whoever has them.
        const isSame =
          best.length === wantedBest.length &&
          best.every(({ score }, at) => Math.abs(score - (wanted[at]?.[1] as number)) < 1e-5 * Math.max(1, score));
        if (isSame) same++;
        found += ndcg10(
          hits.map((hit) => [hit.document_id, hit.score]),
          question.grades,
        );
        ideal += ndcg10(wanted, question.grades);
      }
      const count = corpus.questions.length;
      const figures = `${corpus.name} ${mode} ${name}: nDCG@10 ${(found / count).toFixed(4)}, exhaustive ${(ideal / count).toFixed(4)}, the same top ten ${same}/${count}`;
      if (process.env.SHOW_FIGURES) process.stdout.write(`${figures}\n`);
      expect([figures, Math.abs(found - ideal) / count < 0.005]).toEqual([figures, true]);
      expect([figures, same >= 0.97 * count]).toEqual([figures, true]);
    });
  });
});
