import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SpaceStore } from './space-store.js';
import { EMBEDDING, TestSpaces, change, spaceKey } from './spaces.fixture.js';

const spaces = new TestSpaces();
afterEach(() => spaces.clean());

/** Every page's names, by pages of `limit`. */
async function walk(store: SpaceStore, limit: number): Promise<string[][]> {
  const pages: string[][] = [];
  let after: string | undefined;
  do {
    const page = await store.list(spaceKey(), { limit, after });
    pages.push(page.spaces.map(({ key }) => key.spaceId));
    after = page.next ?? undefined;
  } while (after !== undefined && pages.length < 100);
  return pages;
}

const put = (store: SpaceStore, ...names: string[]) =>
  Promise.all(names.map((name) => store.commit(spaceKey(name), EMBEDDING, [change('a', 0, name)])));

describe('the list of spaces', () => {
  it('is given by name, page by page, each space once, and ends with the last', async () => {
    const store = spaces.store(await spaces.root());
    await put(store, 'b', 'a-1', 'a_1', '0', 'c', 'a', 'zz');
    const names = ['0', 'a', 'a-1', 'a_1', 'b', 'c', 'zz'];

    expect(await walk(store, 3)).toEqual([names.slice(0, 3), names.slice(3, 6), names.slice(6)]);
    expect(await walk(store, 7)).toEqual([names]);
    expect(await walk(store, 200)).toEqual([names]);
  });

  it('goes on after a name, whatever is made before it meanwhile, and though the name is gone', async () => {
    const store = spaces.store(await spaces.root());
    await put(store, 'b', 'd', 'f');
    const { next } = await store.list(spaceKey(), { limit: 1 });
    await put(store, 'a', 'e');
    const listed = async (after: string) =>
      (await store.list(spaceKey(), { limit: 9, after })).spaces.map(({ key }) => key.spaceId);
    expect(await listed(next!)).toEqual(['d', 'e', 'f']);
    expect(await listed('c')).toEqual(['d', 'e', 'f']);
    expect(await listed('f')).toEqual([]);
  });

  it('fills its pages though other tables lie between the spaces', async () => {
    const store = spaces.store(await spaces.root());
    await put(store, '1', '2', 'a', 'b');
    const connection = await store.tables.connection(spaceKey());
    for (const name of ['_answers', '_other']) await connection.createTable(name, [{ id: 1 }]);
    expect(await walk(store, 2)).toEqual([
      ['1', '2'],
      ['a', 'b'],
    ]);
    expect(await walk(store, 3)).toEqual([['1', '2', 'a'], ['b']]);
  });

  it('opens the spaces of its page alone, a few at once', async () => {
    const root = await spaces.root();
    const writer = spaces.store(root);
    const names = Array.from({ length: 40 }, (_, at) => `s${10 + at}`);
    await put(writer, ...names);
    // A space that nobody can read does not hold up the pages that it is not on.
    const broken = join(root, 'acme/test/default/default/t.lance/_versions');
    await mkdir(broken, { recursive: true });
    await writeFile(join(broken, '1.manifest'), 'no manifest');

    const store = spaces.store(root);
    let open = 0;
    let openMost = 0;
    const opened: string[] = [];
    const describeSpace = store.describe.bind(store);
    jest.spyOn(store, 'describe').mockImplementation(async (key) => {
      opened.push(key.spaceId);
      openMost = Math.max(openMost, (open += 1));
      return describeSpace(key).finally(() => (open -= 1));
    });
    const page = await store.list(spaceKey(), { limit: 20, after: 's19' });
    expect(page.spaces.map(({ key }) => key.spaceId)).toEqual(names.slice(10, 30));
    expect(opened).toEqual(names.slice(10, 30));
    expect([openMost, page.next]).toEqual([8, 's39']);
    await expect(store.list(spaceKey(), { limit: 20, after: 's49' })).rejects.toThrow();
  });
});
