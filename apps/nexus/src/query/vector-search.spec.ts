import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Index } from '@lancedb/lancedb';
import type { PinnedSpace } from '../spaces/pinned-space.js';
import { sqlText } from '../spaces/space-schema.js';
import { change, EMBEDDING, spaceKey, TestSpaces } from '../spaces/spaces.fixture.js';
import { merged } from './candidates.js';
import { direction, fill, randomOf } from './corpus.fixture.js';
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

it('finds the best of two sources whose indexes are quantised, as all of their vectors measured have it', async () => {
  const [names, rows, depth] = [['one', 'other'], 700, 200];
  const random = randomOf(7);
  const store = spaces.store(await spaces.root());
  const vectors = names.map(() => Array.from({ length: rows }, () => direction(random)));
  const opened = [];
  for (const [source, name] of names.entries()) {
    const documents = vectors[source]!.map((vector, at) => ({ id: `d${at}`, topic: 0, text: 'a text', vector }));
    await fill(store, spaceKey(name), documents, false);
    const table = (await store.tables.open(spaceKey(name)))!;
    await table.createIndex('vector', { config: Index.hnswSq({ distanceType: 'cosine', numPartitions: 1 }) });
    table.close();
    opened.push((await store.open(spaceKey(name)))!);
  }
  const asked = direction(random);
  const found = await searchVectors(
    opened.map((each) => ({ space: each, vector: asked })),
    undefined,
    depth,
    true,
    vectorRowCache(2 ** 22),
  );
  opened.forEach((each) => each.release());
  const cosine = (one: Float32Array, other: Float32Array) =>
    one.reduce((sum, value, at) => sum + value * other[at]!, 0) / (Math.hypot(...one) * Math.hypot(...other));
  const all = vectors.flatMap((ofSource, source) =>
    ofSource.map((vector, at) => ({ source, id: `d${at}#0`, score: cosine(asked, vector) })),
  );
  const best = all.sort((one, other) => other.score - one.score).slice(0, depth);
  expect(merged(found.sources, depth).map(({ source, id }) => [source, id])).toEqual(
    best.map(({ source, id }) => [source, id]),
  );
  expect(found.found).toEqual([depth, depth]);
}, 60_000);
