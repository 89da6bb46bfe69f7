import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { Query } from '@lancedb/lancedb';
import type { PinnedSpace } from '../spaces/pinned-space.js';
import { spaceKey, TestSpaces } from '../spaces/spaces.fixture.js';
import type { SpaceStore } from '../spaces/space-store.js';
import { fill } from './corpus.fixture.js';
import { readTextQuery } from './text-query.js';
import { searchText, WORDS_ALONE_MAX } from './text-search.js';
import { SCAN_ROWS_MAX, textRowCache } from './text-source.js';

/** Real: LanceDB and its index, whose questions are noted as they are asked. */
const spaces = new TestSpaces();
const DOCUMENTS = SCAN_ROWS_MAX + 88;
const WORDS = Array.from({ length: 40 }, (_, at) => `q${10 + at}`);
/** So few that the proposals for the whole question are cut. */
const DEPTH = 20;

let store: SpaceStore;
let own: PinnedSpace;
let other: PinnedSpace;

beforeAll(async () => {
  store = spaces.store(await spaces.root());
  const documents = (textOf: (at: number) => string) =>
    Array.from({ length: DOCUMENTS }, (_, at) => ({
      id: `d${at}`,
      topic: 0,
      text: textOf(at),
      vector: Float32Array.of(1, at, 0, 0),
    }));
  // Every word is rarer than the one before it here, and there is none of them in the other space: what is common here is
  // rare over both, so that the index's order says little.
  const held = (at: number) => WORDS.filter((_, word) => at % WORDS.length >= word).join(' ');
  await fill(store, spaceKey('own'), documents(held), true);
  await fill(
    store,
    spaceKey('other'),
    documents((at) => `something else ${'filler '.repeat(at % 5)}`),
    true,
  );
  [own, other] = (await Promise.all(['own', 'other'].map((name) => store.open(spaceKey(name))))) as [
    PinnedSpace,
    PinnedSpace,
  ];
}, 60_000);
afterAll(async () => {
  own.release();
  other.release();
  await spaces.clean();
});

/** What the index of a space is asked while `work` runs, and for how many chunks each time. */
async function askedOf(space: PinnedSpace, work: () => Promise<unknown>, limits: number[] = []): Promise<string[]> {
  const asked: string[] = [];
  const query = space.table.query.bind(space.table);
  const noted = jest.spyOn(space.table, 'query').mockImplementation(() => {
    const made = query();
    const search = made.fullTextSearch.bind(made);
    jest.spyOn(made, 'fullTextSearch').mockImplementation((text, options): Query => {
      asked.push(String(text));
      const limit = made.limit.bind(made);
      jest.spyOn(made, 'limit').mockImplementation((count) => (limits.push(count), limit(count)));
      search(text, options);
      return made;
    });
    return made;
  });
  await work();
  noted.mockRestore();
  return asked;
}

it('asks for the words alone, of many words for the rarest alone', async () => {
  const query = await readTextQuery(WORDS.join(' '), own);
  const asked = await askedOf(own, () =>
    searchText([own, other], query, undefined, DEPTH, true, textRowCache(2 ** 20)),
  );
  const [whole, ...alone] = asked;
  expect(whole).toBe(WORDS.join(' '));
  expect(alone.sort()).toEqual(WORDS.slice(-WORDS_ALONE_MAX));

  const few = await readTextQuery(WORDS.slice(0, 3).join(' '), own);
  const askedFew = await askedOf(own, () =>
    searchText([own, other], few, undefined, DEPTH, true, textRowCache(2 ** 20)),
  );
  expect(askedFew.slice(1).sort()).toEqual(WORDS.slice(0, 3));
});

it('asks for more of the whole question before it asks for words alone', async () => {
  const query = await readTextQuery(WORDS.join(' '), own);
  // Fifteen chunks have one text: with equals at the end of the first answer, those behind it may be as good.
  const asked = await askedOf(own, () => searchText([own], query, undefined, DEPTH, true, textRowCache(2 ** 20)));
  expect(asked).toEqual([WORDS.join(' '), WORDS.join(' ')]);
});

it('asks once where the whole question told all', async () => {
  const query = await readTextQuery(WORDS.slice(0, 3).join(' '), own);
  const depth = DOCUMENTS;
  expect(
    await askedOf(own, () => searchText([own], query, undefined, depth, true, textRowCache(2 ** 20))),
  ).toHaveLength(1);

  const rare = await readTextQuery(WORDS.join(' '), own);
  // Fifteen chunks have each text, so that the first answer ends just below the depth's last.
  const asked = await askedOf(own, () => searchText([own], rare, undefined, 3 * 15, true, textRowCache(2 ** 20)));
  expect(asked).toHaveLength(1);
});

it('asks for twice the depth at once while the index does not know all rows', async () => {
  const depth = 3 * 15;
  const query = await readTextQuery(WORDS.join(' '), own);
  const limitsOf = async (space: PinnedSpace) => {
    const limits: number[] = [];
    await askedOf(space, () => searchText([space], query, undefined, depth, true, textRowCache(2 ** 20)), limits);
    return limits;
  };
  expect(await limitsOf(own)).toEqual([Math.ceil(1.1 * depth)]);

  const late = { id: 'late', topic: 0, text: 'nothing of it', vector: Float32Array.of(1, 0, 0, 0) };
  await fill(store, spaceKey('own'), [late], false);
  const newer = (await store.open(spaceKey('own'))) as PinnedSpace;
  expect(await limitsOf(newer)).toEqual([2 * depth]);
  newer.release();
});

it('scores no chunk that cannot be among the best, and each where the index does not know all of them', async () => {
  const depth = 3 * 15;
  const query = await readTextQuery(WORDS.join(' '), own);
  const search = (space: PinnedSpace) => searchText([space], query, undefined, depth, true, textRowCache(2 ** 20));
  const { sources, scored } = await search(own);
  expect(scored).toEqual([depth]);

  const late = { id: 'later', topic: 0, text: 'nothing of it either', vector: Float32Array.of(1, 0, 0, 0) };
  await fill(store, spaceKey('own'), [late], false);
  const newer = (await store.open(spaceKey('own'))) as PinnedSpace;
  const again = await search(newer);
  newer.release();
  expect(again.scored).toEqual([2 * depth]);
  expect(again.sources[0]?.map(({ id }) => id)).toEqual(sources[0]?.map(({ id }) => id));
});

it('scores every proposal of an index that counts what is gone, and asks it for more', async () => {
  const key = spaceKey('thinned');
  const documents = Array.from({ length: DOCUMENTS }, (_, at) => ({
    id: `d${at}`,
    topic: 0,
    text: WORDS.filter((_word, word) => at % WORDS.length >= word).join(' '),
    vector: Float32Array.of(1, at, 0, 0),
  }));
  await fill(store, key, documents, true);
  // Those with the rarest words go, so that what is left of these words counts for more than the index knows.
  const gone = documents.filter((_, at) => at % WORDS.length === WORDS.length - 1 && at > WORDS.length);
  const removals = gone.map(({ id }) => ({ documentId: id, sourceOffset: DOCUMENTS, chunks: [] }));
  await store.commit(key, { model: 'hash-4', dimension: 4 }, removals);
  const thinned = (await store.open(key)) as PinnedSpace;
  const query = await readTextQuery(WORDS.join(' '), thinned);
  const search = (depth: number) => searchText([thinned], query, undefined, depth, true, textRowCache(2 ** 20));
  const [all, some] = [await search(DOCUMENTS), await search(DEPTH)];
  thinned.release();
  expect(all.scored).toEqual([DOCUMENTS - gone.length]);
  expect(some.sources[0]).toEqual(all.sources[0]?.slice(0, DEPTH));
  expect(some.scored[0]).toBeGreaterThanOrEqual(2 * DEPTH);
});
