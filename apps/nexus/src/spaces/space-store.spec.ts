import { afterEach, describe, expect, it } from '@jest/globals';
import type { DocumentChange } from './document-change.js';
import { EMBEDDING, TestSpaces, change, contents, spaceKey, statisticsAndRecount, vectorOf } from './spaces.fixture.js';

const spaces = new TestSpaces();
afterEach(() => spaces.clean());

describe('a commit', () => {
  it('makes the space, and a restart keeps it', async () => {
    const root = await spaces.root();
    const first = spaces.store(root);
    expect(await first.open(spaceKey())).toBeUndefined();
    expect(await first.list(spaceKey(), { limit: 10 })).toEqual({ spaces: [], next: null });

    const committed = await first.commit(spaceKey(), EMBEDDING, [
      change('a', 0, 'kafka is the log', 'the log is kafka'),
      change('b', 1, 'hello'),
    ]);
    expect(committed).toEqual({ version: 1, documents: 2, chunks: 3, stale: [] });

    const second = spaces.store(root);
    expect([...(await contents(second))]).toEqual([
      ['a#0', 'kafka is the log'],
      ['a#1', 'the log is kafka'],
      ['b#0', 'hello'],
    ]);
    const { kept, counted } = await statisticsAndRecount(second);
    expect(kept).toEqual(counted);
    expect(await second.describe(spaceKey())).toEqual({
      key: spaceKey(),
      rows: 3,
      documents: 2,
      bytes: expect.any(Number),
      version: 1,
      embedding: EMBEDDING,
    });
    expect((await second.list(spaceKey(), { limit: 10 })).spaces).toHaveLength(1);
  });

  it('replaces documents whole, removes documents, and says so in one version', async () => {
    const store = spaces.store(await spaces.root());
    await store.commit(spaceKey(), EMBEDDING, [
      change('a', 0, 'one', 'two', 'three'),
      change('b', 1, 'four'),
      change('c', 2, 'five'),
    ]);
    const { version } = await store.commit(spaceKey(), EMBEDDING, [
      change('a', 3, 'six'),
      change('b', 4),
      change('d', 5, 'seven'),
      change('x', 6),
    ]);

    expect(version).toBe(2);
    expect([...(await contents(store))]).toEqual([
      ['a#0', 'six'],
      ['b#-', undefined],
      ['c#0', 'five'],
      ['d#0', 'seven'],
      ['x#-', undefined],
    ]);
    expect(await store.describe(spaceKey())).toMatchObject({ rows: 3, documents: 3 });
    await store.commit(spaceKey(), EMBEDDING, [change('b', 7, 'back')]);
    expect([...(await contents(store)).keys()]).toEqual(['a#0', 'b#0', 'c#0', 'd#0', 'x#-']);
    const { kept, counted } = await statisticsAndRecount(store);
    expect(kept).toEqual(counted);
  });

  it('changes nothing for what is redelivered, older or out of order, also in a new process', async () => {
    const root = await spaces.root();
    const log = [
      change('a', 0, 'one'),
      change('b', 1, 'two'),
      change('a', 2, 'three'),
      change('b', 3),
      change('c', 4, 'four'),
    ];
    await spaces.store(root).commit(spaceKey(), EMBEDDING, log);
    const before = await contents(spaces.store(root));
    expect([...before]).toEqual([
      ['a#0', 'three'],
      ['b#-', undefined],
      ['c#0', 'four'],
    ]);

    for (const store of [spaces.store(root), spaces.store(root)]) {
      for (const each of log)
        expect((await store.commit(spaceKey(), EMBEDDING, [each])).stale).toEqual([each.documentId]);
      expect((await store.commit(spaceKey(), EMBEDDING, log)).stale.toSorted()).toEqual(['a', 'b', 'c']);
      expect(await contents(store)).toEqual(before);
      expect((await store.describe(spaceKey()))?.version).toBe(1);
    }
  });

  it('refuses another model or dimension and writes nothing', async () => {
    const store = spaces.store(await spaces.root());
    await store.commit(spaceKey(), EMBEDDING, [change('a', 0, 'one')]);
    for (const embedding of [
      { model: 'other', dimension: 8 },
      { model: 'hash-8', dimension: 9 },
    ]) {
      const changes = [
        { ...change('b', 1), chunks: [{ text: 'two', vector: vectorOf('two', embedding.dimension), metadata: {} }] },
      ];
      await expect(store.commit(spaceKey(), embedding, changes)).rejects.toMatchObject({
        code: 'nexus.embedding_mismatch',
      });
    }
    const wrong = [{ ...change('b', 1), chunks: [{ text: 'two', vector: vectorOf('two', 4), metadata: {} }] }];
    await expect(store.commit(spaceKey(), EMBEDDING, wrong)).rejects.toMatchObject({
      code: 'nexus.embedding_mismatch',
    });
    expect(await store.describe(spaceKey())).toMatchObject({ version: 1, rows: 1 });
  });

  it('keeps ids, text and metadata as they were given, whatever they hold', async () => {
    const store = spaces.store(await spaces.root());
    const ids = ["it's", 'a\\b', "'; DROP TABLE x; --", 'ünï/日本', 'a#0', 'a', '%_"`', 'a#-'];
    const metadata = { z: 1, a: [1, { b: null }], big: 12345678901234567000, 'we "ird\\': "o'k", f: 1e-7 };
    const made = (offset: number, text: string): DocumentChange[] =>
      ids.map((id) => ({ ...change(id, offset), chunks: [{ text: text + id, vector: vectorOf(id), metadata }] }));
    await store.commit(spaceKey(), EMBEDDING, made(0, 'x'));
    await store.commit(spaceKey(), EMBEDDING, made(1, 'y'));
    expect(await contents(store)).toEqual(new Map(ids.map((id) => [`${id}#0`, `y${id}`] as const).sort()));
    const space = await store.open(spaceKey());
    const rows =
      (await space?.table
        .query()
        .where('tombstone = false AND json_exists(metadata_json, \'$ ? (@."z" > 0)\')')
        .toArray()) ?? [];
    expect(rows).toHaveLength(ids.length);
    for (const row of rows) expect(row.metadata).toBe(JSON.stringify(metadata));
    expect(Number(rows[0].occurred_at)).toBe(Date.parse('2026-01-02T03:04:05.678Z'));
    space?.release();
  });
});
