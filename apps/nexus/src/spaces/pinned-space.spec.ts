import { afterEach, describe, expect, it } from '@jest/globals';
import { VersionGone } from './pinned-space.js';
import { EMBEDDING, TestSpaces, change, contents, spaceKey, statisticsAndRecount } from './spaces.fixture.js';

const spaces = new TestSpaces();
afterEach(() => spaces.clean());

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
