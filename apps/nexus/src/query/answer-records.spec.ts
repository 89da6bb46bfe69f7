import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spaceKey, TestSpaces } from '../spaces/spaces.fixture.js';
import type { SpaceStore } from '../spaces/space-store.js';
import { AnswerRecords } from './answer-records.js';

const DAY_MS = 24 * 3_600_000;
/** Records are pruned at every so many writes. */
const BETWEEN_PRUNES = 256;

const spaces = new TestSpaces();
const space = spaceKey();
let store: SpaceStore;
let nowMs: number;

beforeEach(async () => {
  store = spaces.store(await spaces.root());
  nowMs = Date.UTC(2026, 0, 1);
});
afterEach(() => spaces.clean());

/** Those of a process; one that is made later knows what is stored alone. */
const recordsOf = (recordsMax = 10_000) =>
  new AnswerRecords(
    (of) => store.tables.connection(of),
    { keepMs: 7 * DAY_MS, recordsMax },
    () => nowMs,
  );
const record = (name: string) => ({ vectors: [name, null] });
const stored = async () => (await (await store.tables.connection(space)).openTable('_answers')).countRows();

/** Puts records one after another, a millisecond between them. */
async function put(records: AnswerRecords, prefix: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let at = 0; at < count; at++) {
    nowMs += 1;
    ids.push(await records.put(space, record(`${prefix}${at}`)));
  }
  return ids;
}

describe('a record', () => {
  it('is there for its folder alone, over a restart', async () => {
    const id = await recordsOf().put(space, record('a'));
    expect(await recordsOf().get(spaceKey('another'), id)).toEqual(record('a'));
    expect(await recordsOf().get(spaceKey('notes', 'globex'), id)).toBeUndefined();
    expect(await recordsOf().get(space, 'no-such-record')).toBeUndefined();
  });

  it('is written once for answers that are near in time', async () => {
    const records = recordsOf();
    const ids = await Promise.all([1, 2, 3].map(() => records.put(space, record('a'))));
    for (let day = 0; day < 3; day++) ids.push(await records.put(space, record('a')));
    expect(new Set(ids).size).toBe(1);
    expect(await stored()).toBeLessThanOrEqual(3);
    const before = await stored();
    nowMs += 20 * 3_600_000;
    await records.put(space, record('a'));
    expect(await stored()).toBe(before);
  });
});

describe('pruning', () => {
  it('removes records that are older than versions are kept, with their files', async () => {
    const records = recordsOf();
    const [first] = await put(records, 'old', BETWEEN_PRUNES - 2);
    nowMs += 7 * DAY_MS - 1000;
    const [last] = await put(records, 'kept', 1);
    expect(await stored()).toBe(BETWEEN_PRUNES - 1);
    nowMs += 2 * DAY_MS;
    const [newest] = await put(records, 'new', 1);

    expect(await stored()).toBe(2);
    const restarted = recordsOf();
    expect(await restarted.get(space, first!)).toBeUndefined();
    expect(await restarted.get(space, last!)).toEqual(record('kept0'));
    expect(await restarted.get(space, newest!)).toEqual(record('new0'));
    const table = await (await store.tables.connection(space)).openTable('_answers');
    expect((await table.listVersions()).length).toBeLessThan(5);
  }, 60_000);

  it('keeps no more records of a folder than are set: the newest', async () => {
    const records = recordsOf(100);
    const ids = await put(records, 'r', BETWEEN_PRUNES);
    expect(await stored()).toBe(100);
    const restarted = recordsOf(100);
    const found = await Promise.all(ids.map((id) => restarted.get(space, id)));
    expect(found.map((each) => each !== undefined)).toEqual(ids.map((_, at) => at >= BETWEEN_PRUNES - 100));

    // What went is written again when an answer needs it again, though this process has it still.
    await records.put(space, record('r0'));
    expect(await recordsOf(100).get(space, ids[0]!)).toEqual(record('r0'));
  }, 60_000);

  it('spares a record that an answer needed again in the meantime', async () => {
    const records = recordsOf();
    const [id] = await put(records, 'asked-daily', 1);
    for (let day = 0; day < 6; day++) {
      nowMs += DAY_MS;
      await records.put(space, record('asked-daily0'));
    }
    // Six days after the last answer, twelve after the first.
    nowMs += 6 * DAY_MS;
    await put(records, 'other', BETWEEN_PRUNES);
    expect(await recordsOf().get(space, id!)).toEqual(record('asked-daily0'));
  }, 60_000);
});
