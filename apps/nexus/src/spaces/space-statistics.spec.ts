import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { lancedbTokens } from './lancedb-tokens.fixture.js';
import { COMMIT_INDEX } from './space-schema.js';
import { EMBEDDING, TestSpaces, change, contents, spaceKey, statisticsAndRecount } from './spaces.fixture.js';
import { termsOfTexts, tokensOfText } from './text-terms.js';

const spaces = new TestSpaces();
afterEach(() => spaces.clean());

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

/** Of several changes of a document in one commit: the newest, the last of equal ones. */
function best<Change extends { id: string; offset: number }>(changes: readonly Change[]): Change[] {
  const newest = new Map<string, Change>();
  for (const each of changes) if ((newest.get(each.id)?.offset ?? -1) <= each.offset) newest.set(each.id, each);
  return [...newest.values()];
}
