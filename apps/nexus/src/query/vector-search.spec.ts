import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { PinnedSpace } from '../spaces/pinned-space.js';
import { sqlText } from '../spaces/space-schema.js';
import { change, EMBEDDING, spaceKey, TestSpaces } from '../spaces/spaces.fixture.js';
import { searchVectors, vectorRowCache } from './vector-search.js';

/* A space of no more chunks than candidates are wanted is read whole; any other is searched. Both find the same. */

const spaces = new TestSpaces();
const DOCUMENTS = 30;
const ASKED = Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0);
const cache = vectorRowCache(2 ** 20);
let space: PinnedSpace;

beforeAll(async () => {
  const store = spaces.store(await spaces.root());
  const given = Array.from({ length: DOCUMENTS }, (_, at) => {
    const made = change(`d${at}`, at, 'a text');
    const vector = new Float32Array(EMBEDDING.dimension);
    // The first has no direction; of the others each points a little farther away.
    if (at > 0) vector.set([1, at, 1 / at]);
    return { ...made, chunks: made.chunks.map((chunk) => ({ ...chunk, vector })) };
  });
  await store.commit(spaceKey(), EMBEDDING, given);
  // Rows that are no chunks: a document that was removed, and the commits'.
  await store.commit(spaceKey(), EMBEDDING, [change('gone', DOCUMENTS, 'a text')]);
  await store.commit(spaceKey(), EMBEDDING, [change('gone', DOCUMENTS + 1)]);
  space = (await store.open(spaceKey()))!;
}, 60_000);
afterAll(async () => {
  space.release();
  await spaces.clean();
});

const search = async (depth: number, predicate?: string) =>
  (await searchVectors([{ space, vector: ASKED }], predicate, depth, true, cache)).sources[0]!;

it('finds the same, read whole or searched', async () => {
  const whole = await search(DOCUMENTS);
  expect(whole.map(({ id }) => id)).toEqual(Array.from({ length: DOCUMENTS - 1 }, (_, at) => `d${at + 1}#0`));
  expect(await search(DOCUMENTS - 5)).toEqual(whole.slice(0, DOCUMENTS - 5));
  expect(await search(1000)).toEqual(whole);
});

it('keeps to the filter, read whole or searched', async () => {
  const among = `(document_id = ${sqlText('d3')} OR document_id = ${sqlText('d9')} OR document_id = ${sqlText('gone')})`;
  const whole = await search(DOCUMENTS, among);
  expect(whole.map(({ id }) => id)).toEqual(['d3#0', 'd9#0']);
  expect(await search(DOCUMENTS - 5, among)).toEqual(whole);
});
