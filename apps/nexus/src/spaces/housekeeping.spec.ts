import { afterEach, describe, expect, it } from '@jest/globals';
import { readChain } from './commit-chain.js';
import { SpaceHousekeeping, type HousekeepingOptions, type Tended } from './housekeeping.js';
import { VersionGone } from './pinned-space.js';
import type { SpaceStore } from './space-store.js';
import { EMBEDDING, TestSpaces, change, contents, spaceKey, statisticsAndRecount } from './spaces.fixture.js';

const spaces = new TestSpaces();
afterEach(() => spaces.clean());

function housekeeping(
  store: SpaceStore,
  options: HousekeepingOptions = {},
): { housekeeping: SpaceHousekeeping; tended: Tended[]; failed: unknown[] } {
  const [tended, failed]: [Tended[], unknown[]] = [[], []];
  const report = {
    tended: (each: Tended) => tended.push(each),
    failed: (_: string, error: unknown) => failed.push(String(error)),
  };
  return { housekeeping: new SpaceHousekeeping(store, report as never, options), tended, failed };
}

describe('housekeeping', () => {
  it('makes the full-text index, compacts and folds, and changes nothing of what is stored', async () => {
    const root = await spaces.root();
    const store = spaces.store(root);
    const { housekeeping: keeper, tended, failed } = housekeeping(store);
    for (let offset = 0; offset < 70; offset++)
      await store.commit(spaceKey(), EMBEDDING, [change(`d${offset % 50}`, offset, `kafka text ${offset}`)]);
    const [before, recount] = [await contents(store), await statisticsAndRecount(store)];
    await keeper.tick();

    expect(failed).toEqual([]);
    expect(tended).toMatchObject([{ optimised: true, vectorIndexed: false, versionsPruned: 0 }]);
    for (const other of [store, spaces.store(root)]) {
      expect(await contents(other)).toEqual(before);
      const { kept, counted, commits } = await statisticsAndRecount(other);
      expect(kept).toEqual(counted);
      expect(kept).toEqual(recount.kept);
      expect(commits.length).toBeLessThan(16);
    }
    const space = await store.open(spaceKey());
    expect((await space?.table.listIndices())?.map(({ columns }) => columns)).toEqual([['text']]);
    expect((await space?.table.stats())?.fragmentStats.numFragments).toBe(1);
    space?.release();
    await keeper.tick();
    expect(tended).toHaveLength(1);
    expect(
      (await store.commit(spaceKey(), EMBEDDING, [change('d1', 5, 'old'), change('d2', 100, 'new')])).stale,
    ).toEqual(['d1']);
    expect((await statisticsAndRecount(store)).kept).toEqual((await statisticsAndRecount(spaces.store(root))).counted);
  }, 60_000);

  it('prunes no version that is read from, or that was current within the retention', async () => {
    const store = spaces.store(await spaces.root());
    await store.commit(spaceKey(), EMBEDDING, [change('a', 0, 'first')]);
    const running = await store.open(spaceKey());
    // So long that both prunes are over well before, also where the machine has much else to do.
    const retentionMs = 5_000;
    const { housekeeping: keeper } = housekeeping(store, { retentionMs, versionsMax: 1_000 });
    for (let offset = 1; offset < 50; offset++)
      await store.commit(spaceKey(), EMBEDDING, [change('a', offset, `text ${offset}`)]);
    const { version } = (await store.describe(spaceKey())) ?? { version: 0 };
    await new Promise((resolve) => setTimeout(resolve, retentionMs + 200));
    await store.commit(spaceKey(), EMBEDDING, [change('a', 50, 'now')]);

    await keeper.tend(spaceKey());
    expect(await running?.table.query().where('tombstone = false').select(['text']).toArray()).toMatchObject([
      { text: 'first' },
    ]);
    running?.release();
    await keeper.tend(spaceKey());
    // Superseded a moment ago, although it was made long before.
    const current = await store.open(spaceKey(), version);
    expect(await current?.table.query().where('tombstone = false').select(['text']).toArray()).toMatchObject([
      { text: 'text 49' },
    ]);
    current?.release();
    await expect(store.open(spaceKey(), 1)).rejects.toThrow(VersionGone);
    expect((await store.open(spaceKey()))?.rows).toBe(1);
  }, 60_000);

  it('bounds the versions of a space, and says when that shortens the retention', async () => {
    const store = spaces.store(await spaces.root());
    const { housekeeping: keeper, tended, failed } = housekeeping(store, { versionsMax: 10 });
    for (let offset = 0; offset < 40; offset++)
      await store.commit(spaceKey(), EMBEDDING, [change('a', offset, `text ${offset}`)]);
    await keeper.tick();
    expect(failed).toEqual([]);
    expect(tended).toMatchObject([{ retentionShortened: true }]);
    const space = await store.open(spaceKey());
    expect((await space?.table.listVersions())?.length).toBeLessThanOrEqual(14);
    space?.release();
  }, 60_000);

  it('makes a vector index that finds what flat search finds, tombstones or not', async () => {
    const dimension = 48;
    const embedding = { model: 'random', dimension };
    const store = spaces.store(await spaces.root());
    const { housekeeping: keeper, tended, failed } = housekeeping(store, { vectorIndexRowsMin: 1_000 });
    const centres = Array.from({ length: 40 }, () => randomVector(dimension));
    const near = (at: number): Float32Array =>
      Float32Array.from(centres[at % 40] as Float32Array, (value) => value + (Math.random() - 0.5) * 0.6);
    const documents = Array.from({ length: 2_000 }, (_, at) => ({
      documentId: `d${at}`,
      sourceOffset: at,
      chunks: [{ text: `t ${at}`, vector: near(at), metadata: {} }],
    }));
    for (let from = 0; from < 2_000; from += 500)
      await store.commit(spaceKey(), embedding, documents.slice(from, from + 500));
    await store.commit(spaceKey(), embedding, [{ ...change('gone', 5_000), chunks: [] }]);
    await keeper.tick();
    expect(failed).toEqual([]);
    expect(tended).toMatchObject([{ vectorIndexed: true }]);
    await store.commit(spaceKey(), embedding, [
      { ...change('late', 6_000), chunks: [{ text: 'late', vector: near(1), metadata: {} }] },
    ]);

    const space = await store.open(spaceKey());
    let found = 0;
    for (let query = 0; query < 50; query++) {
      const vector = near(query);
      const ids = async (flat: boolean): Promise<string[]> => {
        const search = space?.table
          .query()
          .nearestTo(vector)
          .distanceType('cosine')
          .limit(10)
          .select(['id', '_distance']);
        const rows = (await (flat ? search?.bypassVectorIndex() : search)?.toArray()) ?? [];
        return rows.map((row: { id: string }) => row.id);
      };
      const exact = new Set(await ids(true));
      expect(exact.size).toBe(10);
      found += (await ids(false)).filter((id) => exact.has(id)).length;
    }
    expect(found / 500).toBeGreaterThanOrEqual(0.95);
    space?.release();
  }, 120_000);

  it('works beside commits: nothing is lost, doubled or held up for ever', async () => {
    const store = spaces.store(await spaces.root());
    const { housekeeping: keeper, failed } = housekeeping(store, {
      vectorIndexRowsMin: 200,
      fragmentsMax: 2,
      unindexedRowsMax: 10,
    });
    let offset = 0;
    const commit = (): Promise<unknown> =>
      store.commit(
        spaceKey(),
        EMBEDDING,
        Array.from({ length: 20 }, () => change(`d${offset % 300}`, offset++, `kafka ${offset}`)),
      );
    for (let round = 0; round < 15; round++) await commit();
    let done = false;
    const tending = (async () => {
      while (!done) await keeper.tick();
    })();
    for (let round = 0; round < 40; round++) await commit();
    done = true;
    await tending;
    expect(failed).toEqual([]);
    expect((await contents(store)).size).toBe(300);
    const { kept, counted } = await statisticsAndRecount(store);
    expect(kept).toEqual(counted);
    const space = await store.open(spaceKey());
    expect((await readChain(space?.table as never)).at(-1)?.to).toBe(55);
    space?.release();
  }, 120_000);
});

function randomVector(dimension: number): Float32Array {
  return Float32Array.from({ length: dimension }, () => Math.random() - 0.5);
}
