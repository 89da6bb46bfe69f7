import { lancedbTokens } from './lancedb-tokens.fixture.js';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { DocumentChange } from './document-change.js';
import { COMMIT_INDEX } from './space-schema.js';
import { VersionGone } from './pinned-space.js';
import { EMBEDDING, TestSpaces, change, contents, spaceKey, statisticsAndRecount, vectorOf } from './spaces.fixture.js';
import { termsOfTexts, tokensOfText } from './text-terms.js';

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

describe('statistics', () => {
  it('equal a full count after any sequence of commits, for their own version too', async () => {
    const words = fc.constantFrom('kafka', 'Kafka!', 'the', 'running', 'runs', 'postgres', 'Ünïcode', '日本語', '');
    const text = fc.array(words, { maxLength: 6 }).map((parts) => parts.join(' '));
    const one = fc.record({
      id: fc.constantFrom('a', 'b', 'c', "d'"),
      offset: fc.nat(30),
      texts: fc.array(text, { maxLength: 3 }),
    });
    const root = await spaces.root();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(one, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        async (commits, restart) => {
          const key = spaceKey(`run-${run++}`);
          let store = spaces.store(root);
          const model = new Map<string, { offset: number; texts: string[] }>();
          const pinned = [];
          for (const each of commits) {
            if (restart) store = spaces.store(root);
            await store.commit(
              key,
              EMBEDDING,
              each.map(({ id, offset, texts }) => change(id, offset, ...texts)),
            );
            for (const { id, offset, texts } of best(each))
              if (offset > (model.get(id)?.offset ?? -1)) model.set(id, { offset, texts });
            pinned.push({ space: await store.open(key), expected: await statisticsAndRecount(store, key) });
          }
          const rows = [...model].flatMap(([id, { texts }]): [string, string | undefined][] =>
            texts.length === 0 ? [[`${id}#-`, undefined]] : texts.map((each, at) => [`${id}#${at}`, each]),
          );
          expect(await contents(store, key)).toEqual(new Map(rows.sort()));
          for (const { space, expected } of pinned) {
            expect(expected.kept).toEqual(expected.counted);
            const { terms } = expected.counted as { terms: Map<string, number> };
            expect(await space?.statistics.documentFrequency([...terms.keys()])).toEqual(terms);
            space?.release();
          }
        },
      ),
      { numRuns: 25 },
    );
  }, 120_000);

  it('are counted from the chunks where a version has lost its commit rows, and written anew by the next commit', async () => {
    const root = await spaces.root();
    const store = spaces.store(root);
    await store.commit(spaceKey(), EMBEDDING, [change('a', 0, 'kafka log'), change('b', 1, 'kafka')]);
    await store.commit(spaceKey(), EMBEDDING, [change('c', 2, 'log')]);
    await (await store.tables.latest(spaceKey()))?.delete(`chunk_index = ${COMMIT_INDEX}`);

    const other = spaces.store(root);
    const space = await other.open(spaceKey());
    expect([space?.rows, space?.documents, space?.statistics.tokens]).toEqual([3, 3, 4]);
    expect(await space?.statistics.documentFrequency(['kafka', 'log', 'x'])).toEqual(
      new Map([
        ['kafka', 2],
        ['log', 2],
        ['x', 0],
      ]),
    );
    space?.release();
    await other.commit(spaceKey(), EMBEDDING, [change('b', 3, 'log'), change('a', 4)]);
    for (const each of [other, spaces.store(root)]) {
      const { kept, counted } = await statisticsAndRecount(each);
      expect(kept).toEqual(counted);
    }
  });

  it('tokenise as the index does', async () => {
    const texts = [
      'The quick brown foxes: 3.14, user_id & "Ärger" — cafés in 東京!',
      'x'.repeat(100),
      '',
      '...',
      'a\u00a0b\u3000c don’t',
      'straße ﬁnal Ǆ 𝒳𝒴 İstanbul',
    ];
    for (const text of texts) expect(await tokensOfText(text)).toEqual(await lancedbTokens(text));
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 80 }),
        fc.string({ maxLength: 80 }),
        async (one, other) => {
          const text = `${one} ${other}`;
          const tokens = await lancedbTokens(text);
          expect(await tokensOfText(text)).toEqual(tokens);
          expect((await termsOfTexts([text])).texts[0]?.tokenCount).toBe(tokens.length);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('a pinned space', () => {
  it('stays as it was while its space goes on', async () => {
    const store = spaces.store(await spaces.root());
    await store.commit(spaceKey(), EMBEDDING, [change('a', 0, 'kafka')]);
    const before = await store.open(spaceKey());
    for (let offset = 1; offset < 100; offset++)
      await store.commit(spaceKey(), EMBEDDING, [change(`a${offset % 3}`, offset, 'kafka', 'postgres')]);

    expect(await before?.statistics.documentFrequency(['kafka', 'postgr'])).toEqual(
      new Map([
        ['kafka', 1],
        ['postgr', 0],
      ]),
    );
    expect(await before?.table.countRows('tombstone = false')).toBe(1);
    const again = await spaces.store(await spaces.root()).open(spaceKey());
    expect(again).toBeUndefined();
    before?.release();
  });

  it('of a version that never was is gone', async () => {
    const root = await spaces.root();
    const store = spaces.store(root);
    await store.commit(spaceKey(), EMBEDDING, [change('a', 0, 'kafka')]);
    await expect(store.open(spaceKey(), 7)).rejects.toThrow(VersionGone);
  });

  it('is the newest in another process, as soon as a commit has answered', async () => {
    const root = await spaces.root();
    const [writer, reader] = [spaces.store(root), spaces.store(root)];
    for (let offset = 0; offset < 10; offset++) {
      const { version } = await writer.commit(spaceKey(), EMBEDDING, [change(`d${offset}`, offset, 'kafka')]);
      const space = await reader.open(spaceKey());
      expect([space?.version, space?.rows, space?.statistics.tokens]).toEqual([version, offset + 1, offset + 1]);
      space?.release();
    }
  });

  it('serves fifty readers and writers at once', async () => {
    const store = spaces.store(await spaces.root());
    await store.commit(spaceKey(), EMBEDDING, [change('base', 0, 'kafka')]);
    let offset = 1;
    const write = async (): Promise<void> => {
      for (let round = 0; round < 4; round++) {
        const at = offset++;
        await store.commit(spaceKey(), EMBEDDING, [change(`d${at % 17}`, at, `text ${at}`, 'kafka')]);
      }
    };
    const read = async (): Promise<void> => {
      for (let round = 0; round < 4; round++) {
        const space = await store.open(spaceKey());
        expect(await space?.table.countRows('tombstone = false')).toBe(space?.rows);
        expect((await space?.statistics.documentFrequency(['kafka']))?.get('kafka')).toBe(
          await space?.table.countRows("text = 'kafka'"),
        );
        space?.release();
      }
    };
    await Promise.all(Array.from({ length: 25 }, () => [write(), read()]).flat());
    const { kept, counted, commits } = await statisticsAndRecount(store);
    expect(kept).toEqual(counted);
    expect(commits).toHaveLength(101);
    expect((await contents(store)).size).toBe(1 + 17 * 2);
  }, 120_000);
});

/** Of several changes of a document in one commit: the newest, the last of equal ones. */
function best<Change extends { id: string; offset: number }>(changes: readonly Change[]): Change[] {
  const newest = new Map<string, Change>();
  for (const each of changes) if ((newest.get(each.id)?.offset ?? -1) <= each.offset) newest.set(each.id, each);
  return [...newest.values()];
}
