import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { readChain } from './commit-chain.js';
import { contentsAfter, logOf } from './space-log.fixture.js';
import { EMBEDDING, TestSpaces, change, contents, spaceKey, statisticsAndRecount } from './spaces.fixture.js';

const spaces = new TestSpaces();
afterEach(() => spaces.clean());

/** Runs a writer process; it is killed with SIGKILL after some committed batches and a moment, or runs to its end. */
async function writer(
  root: string,
  size: number,
  aCommit: number,
  killedAfter = Infinity,
  momentMs = 0,
): Promise<number> {
  const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const args = [
    '--import',
    here('./typescript-hooks.fixture.mjs'),
    here('./replaying-writer.fixture.mjs'),
    root,
    String(size),
    String(aCommit),
  ];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '', LANCEDB_LOG: 'error' },
  });
  let lines = 0;
  child.stdout.on('data', (data: Buffer) => {
    lines += data.toString().split('\n').length - 1;
    if (lines >= killedAfter) setTimeout(() => child.kill('SIGKILL'), momentMs);
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? -1;
}

describe('a writer killed in the middle of commits', () => {
  it('leaves exactly the right rows once its log was replayed from zero', async () => {
    const root = await spaces.root();
    const log = logOf(120);
    for (const [killedAfter, momentMs] of [
      [0, 0],
      [1, 3],
      [5, 7],
      [9, 1],
      [14, 11],
      [20, 5],
    ] as const) {
      await writer(root, log.length, 4, Math.max(1, killedAfter), momentMs);
      const store = spaces.store(root);
      const { kept, counted } = await statisticsAndRecount(store);
      expect(kept).toEqual(counted);
    }
    expect(await writer(root, log.length, 4)).toBe(0);
    const store = spaces.store(root);
    expect(await contents(store)).toEqual(contentsAfter(log));
    const { kept, counted } = await statisticsAndRecount(store);
    expect(kept).toEqual(counted);
  }, 120_000);
});

describe('a stale owner', () => {
  it('that commits from an old state changes nothing that is newer', async () => {
    const root = await spaces.root();
    const [stale, owner] = [spaces.store(root), spaces.store(root)];
    await stale.commit(spaceKey(), EMBEDDING, [change('a', 0, 'one', 'two')]);
    await owner.commit(spaceKey(), EMBEDDING, [change('a', 10, 'newer'), change('b', 11, 'newer'), change('c', 12)]);

    const late = await stale.commit(spaceKey(), EMBEDDING, [
      change('a', 5, 'old', 'old', 'old'),
      change('b', 6, 'old'),
      change('c', 7, 'old'),
    ]);
    expect(late.stale.toSorted()).toEqual(['a', 'b', 'c']);
    expect([...(await contents(owner))]).toEqual([
      ['a#0', 'newer'],
      ['b#0', 'newer'],
      ['c#-', undefined],
    ]);
  });

  it('that races with the owner, both from one state, is undone before anybody reads it', async () => {
    const root = await spaces.root();
    let forks = 0;
    for (let round = 0; round < 12; round++) {
      const key = spaceKey(`race-${round}`);
      const [one, other, reader] = [spaces.store(root), spaces.store(root), spaces.store(root)];
      await one.commit(key, EMBEDDING, [change('a', 0, 'one', 'two'), change('z', 1, 'stays')]);
      await other.commit(key, EMBEDDING, [change('y', 2, 'stays')]);
      await one.commit(key, EMBEDDING, [change('x', 3, 'stays')]);
      await other.commit(key, EMBEDDING, [change('w', 4, 'stays')]);

      const newer = [change('a', 20, 'newer'), change('new', 21, 'newer'), change('gone', 22)];
      const older = [
        change('a', 10, 'old', 'old', 'old'),
        change('new', 11, 'old', 'old'),
        change('gone', 12, 'old'),
        change('alone', 13, 'alone'),
      ];
      const appended = round % 3;
      const reading = (async () => {
        for (let look = 0; look < 20; look++) {
          const space = await reader.open(key);
          expect(await space?.table.countRows("text = 'stays'")).toBe(4);
          const [news, olds] = [
            await space?.table.countRows("document_id = 'new' AND text = 'newer'"),
            await space?.table.countRows("document_id = 'new' AND text = 'old'"),
          ];
          expect([0, news]).toContain(Math.min(news ?? 0, olds ?? 0));
          expect(Math.min(news ?? 0, olds ?? 0)).toBe(0);
          space?.release();
        }
      })();
      await Promise.all([
        one.commit(key, EMBEDDING, newer.slice(appended === 0 ? 1 : 0)),
        other.commit(key, EMBEDDING, older.slice(appended === 1 ? 1 : 0)),
        appended === 2 ? one.commit(key, EMBEDDING, newer) : undefined,
        reading,
      ]);
      await other.commit(key, EMBEDDING, older);
      await one.commit(key, EMBEDDING, newer);

      for (const store of [one, other, reader, spaces.store(root)]) {
        const rows = await contents(store, key);
        expect([...rows]).toEqual([
          ['a#0', 'newer'],
          ['alone#0', 'alone'],
          ['gone#-', undefined],
          ['new#0', 'newer'],
          ['w#0', 'stays'],
          ['x#0', 'stays'],
          ['y#0', 'stays'],
          ['z#0', 'stays'],
        ]);
        const { kept, counted } = await statisticsAndRecount(store, key);
        expect(kept).toEqual(counted);
      }
      const space = await reader.open(key);
      if (space && (await readChain(space.table))[0]?.to !== 1) forks++;
      space?.release();
    }
    // Otherwise this test would show nothing.
    expect(forks).toBeGreaterThan(0);
  }, 120_000);

  it('and an owner that replay one log at once, in two processes, end with the log', async () => {
    const root = await spaces.root();
    const log = logOf(60);
    expect(await Promise.all([writer(root, log.length, 3), writer(root, log.length, 5)])).toEqual([0, 0]);
    const store = spaces.store(root);
    expect(await contents(store)).toEqual(contentsAfter(log));
    const { kept, counted } = await statisticsAndRecount(store);
    expect(kept).toEqual(counted);
  }, 120_000);
});
