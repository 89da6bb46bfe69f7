import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DeadLetterContent, DeadLetterList } from '@runspine/contracts';
import { partitionFor } from '@runspine/kafka';
import { CompressionTypes } from 'kafkajs';
import type { ForeignProducer, ForeignRecord } from '../stack/foreign-producer.js';
import type { HttpClient } from '../stack/http-client.js';
import { ended } from '../stack/jobs.js';
import { startStack, type Stack } from '../stack/stack.js';
import type { LoggedRecord } from '../stack/topic-reader.js';

/*
 * A compressed batch is as large as its topic takes, and what it unpacks to is not. Each record here is between two good
 * ones of a run, in their batch.
 */

const PARTITIONS = 4;
const LARGE = 3_000_000;
const json = JSON.stringify({ text: 'x'.repeat(LARGE) });

let stack: Stack;
let team: ForeignProducer;
let system: HttpClient;

beforeAll(async () => {
  stack = await startStack({ gateways: 1 });
  team = await stack.foreign();
  system = stack.http().with({ 'x-roles': 'system' });
});
afterAll(() => stack.close());

const letterOf = async ({ headers }: ForeignRecord): Promise<LoggedRecord> => {
  const found = (await stack.read('deadLetter')).filter((letter) => letter.headers.ce_id === headers.ce_id);
  expect(found).toHaveLength(1);
  return found[0]!;
};

describe.each<[what: string, spoil: (record: ForeignRecord) => Partial<ForeignRecord>, letter: object]>([
  ['is too large', () => ({ value: json }), { dl_code: 'event.too_large', ...cutValue(json) }],
  ['is no JSON', () => ({ value: '{'.repeat(LARGE) }), { dl_code: 'event.too_large', ...cutValue('{'.repeat(LARGE)) }],
  [
    'has a large header',
    ({ headers }) => ({ value: '{', headers: { large: 'x'.repeat(LARGE), ...headers } }),
    { dl_code: 'event.malformed', dl_cut: 'headers', dl_value_bytes: '', dl_value_sha256: '' },
  ],
  [
    'has a large key',
    () => ({ key: 'x'.repeat(LARGE) }),
    { dl_code: 'event.wrong_partition', dl_cut: 'key', dl_value_bytes: '', dl_value_sha256: '' },
  ],
])('a compressed record that %s', (_what, spoil, headers) => {
  it('is a dead letter, as far as there is room, and the events around it are applied', async () => {
    const run_id = team.runId();
    const created = team.record({ type: 'run.created', data: { run_id } });
    const partition = partitionFor(created.key!, PARTITIONS);
    const good = team.record({ type: 'run.started', data: { run_id } });
    const bad = { ...good, partition, ...spoil(good) };
    bad.headers = { ...bad.headers, ce_id: randomUUID() };
    await team.sendRecords([created, bad, good], CompressionTypes.GZIP);
    await stack.caughtUp();

    const letter = await letterOf(bad);
    expect(letter.headers).toMatchObject({ ...headers, dl_topic: stack.topic('runs'), ce_type: 'run.started' });
    expect(letter.value!.length).toBe(Math.min(String(bad.value).length, 512 * 1024));
    expect(String(bad.value).startsWith(String(letter.value))).toBe(true);
    expect(letter.key).toBe(bad.key!.slice(0, 64 * 1024));
    expect(await stack.database.row('SELECT status FROM proj_runs WHERE run_id = $1', [run_id])).toEqual({
      status: 'running',
    });
  });
});

describe('a batch that is too large to be unpacked', () => {
  it('is one dead letter that names its offsets, and what follows is applied, on every partition', async () => {
    const runs = Array.from({ length: 8 }, () => team.runId());
    const run_id = runs[0]!;
    const created = runs.map((run) => team.record({ type: 'run.created', data: { run_id: run } }));
    await team.sendRecords(created);
    const good = team.record({ type: 'run.started', data: { run_id } });
    const huge = { ...good, value: Buffer.alloc(65 * 1024 * 1024, ' ') };
    const partition = partitionFor(good.key!, PARTITIONS);
    const from = (await stack.logEnds()).find((end) => end.partition === partition)!.high;
    await team.sendRecords([good, huge], CompressionTypes.GZIP);
    await team.sendRecords(runs.map((run) => team.record({ type: 'run.started', data: { run_id: run } })));
    await stack.caughtUp();

    const letters = (await stack.read('deadLetter')).filter(
      ({ headers }) => headers.dl_partition === String(partition) && headers.dl_offset === String(from + 1),
    );
    expect(letters).toHaveLength(1);
    expect(letters[0]).toMatchObject({
      key: null,
      value: null,
      headers: {
        dl_code: 'event.too_large',
        dl_cut: 'key,headers,value',
        dl_detail: expect.stringContaining(`offsets ${from} to ${from + 1}`),
      },
    });
    expect(await stack.database.count('proj_runs', "status = 'running' AND run_id = ANY($1)", [runs])).toBe(8);
    expect(await stack.database.count('run_events', 'run_id = $1', [run_id])).toBe(2);
  });
});

describe('a letter that is not whole', () => {
  it('says so, and how large its record was', async () => {
    const { items } = (await system.get('/v1/admin/dead-letters')).body as DeadLetterList;
    expect(items.map(({ cut }) => cut).sort()).toEqual(['headers', 'key', 'key,headers,value', 'value', 'value']);
    const large = items.find(({ cut, bytes }) => cut === 'value' && bytes === json.length)!;
    const { body } = await system.get(`/v1/admin/dead-letters/${large.partition}/${large.offset}`);
    const { value, headers } = body as DeadLetterContent;
    expect(value).toBe(json.slice(0, 512 * 1024));
    expect(headers.dl_value_sha256).toBe(sha256(json));
  });

  it('is not sent again: it is skipped, and refused where it is named', async () => {
    const before = await stack.logEnds();
    const { items } = (await system.get('/v1/admin/dead-letters')).body as DeadLetterList;
    const redrive = async (selection: object) =>
      ended(system, await system.post('/v1/admin/dead-letters/redrive', { selection }));
    expect(await redrive({ code: 'event.too_large' })).toMatchObject({
      status: 'completed',
      result: { matched: 3, redriven: 0, skipped: 3 },
    });
    const [{ partition, offset } = { partition: -1, offset: -1 }] = items;
    expect(await redrive({ letters: [{ partition, offset }] })).toMatchObject({
      status: 'failed',
      error: { code: 'dead_letter.cut', message: expect.stringContaining(`${partition}/${offset}`) },
    });
    expect(await stack.logEnds()).toEqual(before);
  });
});

function sha256(value: string): string {
  return createHash('sha256').update(value).digest('hex');
}

function cutValue(value: string): object {
  return { dl_cut: 'value', dl_value_bytes: String(value.length), dl_value_sha256: sha256(value) };
}
