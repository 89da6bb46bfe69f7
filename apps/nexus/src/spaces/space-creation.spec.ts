import { afterEach, describe, expect, it } from '@jest/globals';
import { EMBEDDING, TestSpaces, change, contents, spaceKey, statisticsAndRecount } from './spaces.fixture.js';

const spaces = new TestSpaces();
afterEach(() => spaces.clean());

describe('a space that several make at once', () => {
  it('has what each of them was told that it has', async () => {
    const root = await spaces.root();
    for (let round = 0; round < 40; round++) {
      const key = spaceKey(`made-${round}`);
      const stores = [0, 1, 2].map(() => spaces.store(root));
      await Promise.all(
        stores.map(async (store, at) => {
          await new Promise((resolve) => setTimeout(resolve, (round % 8) * at));
          const own = change(`own-${at}`, 10 * at, `own ${at}`, 'more');
          expect((await store.commit(key, EMBEDDING, [own, change('shared', at, `by ${at}`)])).stale).not.toContain(
            `own-${at}`,
          );
          await store.commit(key, EMBEDDING, [change(`later-${at}`, 10 * at + 1, 'later')]);
        }),
      );
      const rows = await contents(spaces.store(root), key);
      expect([...rows.keys()]).toEqual([
        ...[0, 1, 2].map((at) => `later-${at}#0`),
        ...[0, 1, 2].flatMap((at) => [`own-${at}#0`, `own-${at}#1`]),
        'shared#0',
      ]);
      expect(rows.get('shared#0')).toBe('by 2');
      // With all that they are filtered by.
      const made = await spaces.store(root).open(key);
      const filtered = 'tombstone = false AND json_exists(metadata_json, \'$ ? (@."length" > 0)\')';
      expect(await made?.table.countRows(filtered)).toBe(10);
      made?.release();
      const { kept, counted } = await statisticsAndRecount(spaces.store(root), key);
      expect(kept).toEqual(counted);
    }
  }, 120_000);
});
