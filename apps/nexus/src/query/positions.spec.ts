import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Identity } from '@runspine/request-context';
import { acme, AskedSpaces, codeOf, hash, identity, ids, many } from './asked-spaces.fixture.js';
import { ownSpace } from './sources.js';

let spaces: AskedSpaces;
const query: AskedSpaces['query'] = (...asked) => spaces.query(...asked);
const walk: AskedSpaces['walk'] = (...asked) => spaces.walk(...asked);
const put: AskedSpaces['put'] = (...given) => spaces.put(...given);

beforeAll(async () => {
  spaces = await AskedSpaces.filled();
});
afterEach(() => spaces.restart());
afterAll(() => spaces.clean());

describe('cursors', () => {
  it.each(['text', 'vector', 'hybrid'])(
    'walk all of it once while others write, over a restart, in mode %s',
    async (mode) => {
      const body = { query: 'kafka lance table', mode, include_global: true, depth: 500 };
      const whole = await query({ ...body, top_k: 100 });
      const rest = await query({ ...body, top_k: 100, cursor: whole.next_cursor });
      const pages = await walk({ ...body, top_k: 7 }, async () => {
        await put(ownSpace(acme, 'notes'), many('a', 3, spaces.offset % 60));
        await put(ownSpace(identity('t_system'), 'notes'), { new: 'kafka lance table lance table' });
        await spaces.store.commit(ownSpace(identity('t_system'), 'notes'), { model: hash.model, dimension: 16 }, [
          { documentId: 'new', sourceOffset: spaces.offset++, chunks: [] },
        ]);
        spaces.restart();
      });
      const hits = pages.flatMap((page) => page.hits);
      expect(hits).toEqual([...whole.hits, ...rest.hits]);
      expect(hits).toHaveLength(120);
    },
  );

  it('say where the depth ends the list', async () => {
    const pages = await walk({ query: 'kafka', depth: 25, top_k: 10 });
    expect(pages.map(({ hits, truncated }) => [hits.length, truncated])).toEqual([
      [10, undefined],
      [10, undefined],
      [5, true],
    ]);
    const whole = await walk({ query: 'kafka', top_k: 50 });
    expect(whole.at(-1)).not.toHaveProperty('truncated');
  });

  it('are worth nothing elsewhere', async () => {
    const body = { query: 'kafka lance', top_k: 5 };
    const { next_cursor: cursor } = (await query(body)) as { next_cursor: string };
    expect(await codeOf(query({ ...body, cursor }))).toBe('answered');
    expect(await codeOf(query({ ...body, top_k: 9, cursor }))).toBe('answered');
    const wrong: [object, Identity?, string?][] = [
      [{ query: 'kafka' }],
      [{ query: 'kafka lance', filter: { type: 'x' } }],
      [{ query: 'kafka lance', include_global: true }],
      [{ query: 'kafka lance', mode: 'vector' }],
      [{ query: 'kafka lance', fusion: { k: 2 } }],
      [{ query: 'kafka lance', caps: { tenant: { max: 1 } } }],
      [body, identity('other')],
      [body, identity('acme', { env: 'prod' })],
      [body, identity('acme', { surfaceId: 'x' })],
      [body, acme, 'far'],
    ];
    for (const [other, who, space] of wrong)
      expect(await codeOf(query({ ...other, cursor }, who, space))).toBe('nexus.cursor_invalid');
    for (const at of [0, 5, cursor.length >> 1, cursor.length - 1]) {
      const tampered = cursor.slice(0, at) + (cursor[at] === 'A' ? 'B' : 'A') + cursor.slice(at + 1);
      expect(await codeOf(query({ ...body, cursor: tampered }))).toBe('nexus.cursor_invalid');
    }
    for (const other of ['x', '.', 'null.AAAAAAAAAAAAAAAAAAAAAA', `${cursor}=`])
      expect(await codeOf(query({ ...body, cursor: other }))).toBe('nexus.cursor_invalid');
  });
});

describe('snapshots', () => {
  it('give the same hits byte for byte, whatever was written since', async () => {
    for (const mode of ['text', 'vector', 'hybrid']) {
      const body = {
        query: 'lance offset',
        mode,
        include_global: true,
        include: ['text', 'metadata', 'scores', 'vector'],
      };
      const first = await query(body);
      await put(ownSpace(acme, 'notes'), { [`late-${mode}`]: 'lance offset lance offset' });
      const then = await query({ ...body, as_of: first.snapshot });
      expect(JSON.stringify(then.hits)).toBe(JSON.stringify(first.hits));
      expect(then.snapshot).toBe(first.snapshot);
      expect(JSON.stringify((await query(body)).hits)).not.toBe(JSON.stringify(first.hits));
    }
  });

  it("keep a remote model's vector and a reranker's order, over a restart, for pages too", async () => {
    for (const body of [
      { query: 'table score', mode: 'vector' },
      { query: 'table score', rerank: true },
      { query: 'table', mode: 'hybrid', rerank: { top_n: 30 } },
    ]) {
      const first = await query({ ...body, top_k: 8 }, acme, 'far');
      spaces.restart(spaces.anotherStore());
      const then = await query({ ...body, top_k: 8, as_of: first.snapshot }, acme, 'far');
      expect(JSON.stringify(then.hits)).toBe(JSON.stringify(first.hits));
      const pages = [first];
      while (pages.at(-1)?.next_cursor)
        pages.push(await query({ ...body, top_k: 8, cursor: pages.at(-1)?.next_cursor }, acme, 'far'));
      const all = pages.flatMap(ids);
      expect(new Set(all).size).toBe(all.length);
      expect(all.length).toBe('top_n' in Object(body.rerank) ? 30 : 60);
      const scores = pages.flatMap((page) => page.hits.map((hit) => hit.score));
      expect(scores).toEqual([...scores].sort((one, other) => other - one));
    }
  });

  it('are refused when malformed or foreign, and expire with their versions', async () => {
    const { snapshot } = await query({ query: 'kafka' });
    expect(await codeOf(query({ query: 'lance', as_of: snapshot }))).toBe('answered');
    expect(await codeOf(query({ query: 'kafka', as_of: 'nonsense' }))).toBe('nexus.snapshot_invalid');
    expect(await codeOf(query({ query: 'kafka', as_of: snapshot }, identity('other')))).toBe('nexus.snapshot_invalid');
    expect(await codeOf(query({ query: 'kafka', as_of: snapshot, include_global: true }))).toBe(
      'nexus.snapshot_invalid',
    );
    const space = ownSpace(acme, 'pruned');
    await put(space, { a: 'kafka', b: 'kafka' });
    const before = await query({ query: 'kafka', top_k: 1 }, acme, 'pruned');
    await put(space, { c: 'kafka' });
    const table = await spaces.store.tables.open(space);
    await table?.optimize({ cleanupOlderThan: new Date(), deleteUnverified: true });
    table?.close();
    spaces.restart(spaces.anotherStore());
    expect(await codeOf(query({ query: 'kafka', top_k: 1, as_of: before.snapshot }, acme, 'pruned'))).toBe(
      'nexus.snapshot_expired',
    );
    expect(await codeOf(query({ query: 'kafka', top_k: 1, cursor: before.next_cursor }, acme, 'pruned'))).toBe(
      'nexus.cursor_invalid',
    );
  });
});
