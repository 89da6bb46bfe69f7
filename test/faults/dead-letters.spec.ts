import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { partitionFor } from '@runspine/kafka';
import type { ForeignProducer, ForeignRecord } from '../stack/foreign-producer.js';
import { startStack, type Stack } from '../stack/stack.js';
import type { LoggedRecord } from '../stack/topic-reader.js';

const PARTITIONS = 4;

/** Spoils a good record of a run. */
type Spoil = (record: ForeignRecord, team: ForeignProducer) => ForeignRecord;

const withValue =
  (value: ForeignRecord['value']): Spoil =>
  (record) => ({ ...record, value });
const withHeader =
  (name: string, value: string | undefined): Spoil =>
  ({ headers, ...record }) => {
    const { [name]: _gone, ...others } = headers;
    return { ...record, headers: value === undefined ? others : { ...others, [name]: value } };
  };
/** Replaces `"input":null` in the data's JSON text by what JSON.stringify would not write. */
const withInput =
  (text: string): Spoil =>
  (record) => ({ ...record, value: String(record.value).replace('"input":null', `"input":${text}`) });

/** Every fault, its code, where it is, and how a good record of `run.created` comes to have it. */
const FAULTS: [what: string, code: string, path: string, spoil: Spoil][] = [
  ['is not JSON', 'event.malformed', 'is not JSON', ({ key, ...rest }) => ({ key, ...rest, value: `{"key":"${key}"` })],
  ['is empty', 'event.malformed', 'is not JSON', withValue('')],
  ['is not UTF-8', 'event.malformed', 'is not UTF-8', withValue(Buffer.from('{"name":"\xff\xfe"}', 'latin1'))],
  ['has no value', 'event.malformed', 'has no value', withValue(null)],
  ['has no headers', 'event.malformed', 'specversion', (record) => ({ ...record, headers: {} })],
  ['has no id', 'event.malformed', 'id', withHeader('ce_id', undefined)],
  ['has an id that is no UUID', 'event.invalid', 'id', withHeader('ce_id', "1'; DROP TABLE run_events; --")],
  ['has a tenant with quotes', 'event.invalid', 'tenantid', withHeader('ce_tenantid', `de"fault'`)],
  ['is of an unknown type', 'event.unknown_type', 'type', withHeader('ce_type', 'run.exploded')],
  ['is named like a property', 'event.unknown_type', 'type', withHeader('ce_type', '__proto__')],
  [
    'is of an unknown version',
    'event.unknown_version',
    'dataschema',
    withHeader('ce_dataschema', 'runspine://schemas/run.created/v2'),
  ],
  ['happened in the year 9999', 'event.invalid', 'time', withHeader('ce_time', '9999-12-31T23:59:59.999Z')],
  ['happened on the 30th of February', 'event.invalid', 'time', withHeader('ce_time', '2026-02-30T00:00:00Z')],
  ['has a field of another type', 'event.invalid', '/data/name', (record) => spoilData(record, { name: 42 })],
  [
    'has a wrong field deep inside',
    'event.invalid',
    '/data/tags/a',
    (record) => spoilData(record, { tags: { a: {} } }),
  ],
  ['is a list', 'event.invalid', '/data', withValue('[1,2,3]')],
  ['has a NUL in a string', 'event.invalid', '/data/input/a', withInput('{"a":"x\\u0000y"}')],
  ['has a NUL in a name', 'event.invalid', '/data/input', withInput('{"a\\u0000":1}')],
  ['has a lone surrogate', 'event.invalid', '/data/input/1', withInput('["ok","\\ud800"]')],
  ['has a number that no double holds', 'event.invalid', '/data/input', withInput('1e999')],
  ['has one of many digits', 'event.invalid', '/data/input', withInput(`1${'0'.repeat(250)}e99`)],
  ['nests too deep', 'event.invalid', `/data/input${'/0'.repeat(63)}`, withInput('['.repeat(5000) + ']'.repeat(5000))],
  ['has 900 kB of payload', 'event.too_large', '/data', withInput(JSON.stringify('x'.repeat(900_000)))],
  ['has a run id from the future', 'event.invalid', '/data/run_id', futureRun],
  [
    "has an affinity that is not its room's",
    'event.invalid',
    '/data/run_id',
    (it) => spoilData(it, { room_id: 'attic' }),
  ],
  ["names another run than its data's", 'event.invalid', 'subject', withHeader('ce_subject', 'run_1')],
  ['lies on another partition', 'event.wrong_partition', 'partition', misplaced],
  ["has another run's key", 'event.wrong_partition', 'key', (record) => ({ ...record, key: 'default/00000000' })],
  ['has no key', 'event.wrong_partition', 'key', (record) => ({ ...record, key: null })],
  ['claims another key', 'event.wrong_partition', 'partitionkey', withHeader('ce_partitionkey', 'default/00000000')],
];

let stack: Stack;
let letters: LoggedRecord[];
let log: LoggedRecord[];
const bad = new Map<string, ForeignRecord>();
const runs = new Map<string, string>();

/** Around every bad record, a good one before and a good one after: of one run, on one partition, in one batch. */
beforeAll(async () => {
  stack = await startStack();
  const team = await stack.foreign();
  const records = FAULTS.flatMap(([what, , , spoil]) => {
    const run_id = team.runId();
    const created = team.record({ type: 'run.created', data: { run_id, input: null } });
    const partition = partitionFor(created.key!, PARTITIONS);
    const other = team.runId().slice(24);
    const twin = { run_id: run_id.slice(0, 24) + other, input: null };
    const spoilt = { partition, ...spoil(team.record({ type: 'run.created', data: twin }), team) };
    bad.set(what, spoilt);
    runs.set(what, run_id);
    return [created, spoilt, team.record({ type: 'run.started', data: { run_id } })];
  });
  await team.sendRecords(records);
  await stack.caughtUp();
  [letters, log] = await Promise.all([stack.read('deadLetter'), stack.read('runs')]);
});
afterAll(() => stack.close());

describe.each(FAULTS)('a record that %s', (what, code, path) => {
  const letterOf = () => letters.filter((letter) => isCopy(letter, bad.get(what)!));

  it(`is one dead letter, ${code}, at ${path}`, () => {
    expect(letterOf()).toHaveLength(1);
    const { headers } = letterOf()[0]!;
    expect(headers).toMatchObject({ dl_code: code, dl_topic: stack.topic('runs') });
    expect(headers.dl_detail!.split(' ')[0]).toBe(path.split(' ')[0]);
    expect(Date.parse(headers.dl_time!)).toBeGreaterThan(Date.now() - 120_000);
  });

  it('says where it lay, and lies there still', () => {
    const { headers } = letterOf()[0]!;
    const source = log.find(
      (at) => at.partition === Number(headers.dl_partition) && at.offset === Number(headers.dl_offset),
    );
    expect(isCopy(source!, bad.get(what)!)).toBe(true);
    for (const [name, value] of Object.entries(bad.get(what)!.headers)) expect(headers[name]).toBe(value);
  });

  it('stands in the way of nobody: the events around it are applied', async () => {
    const run = await stack.database.row('SELECT status FROM proj_runs WHERE run_id = $1', [runs.get(what)]);
    expect(run.status).toBe('running');
  });
});

it('makes no other dead letters, no other events and no rejections of them', async () => {
  expect(letters).toHaveLength(FAULTS.length);
  expect(await stack.database.count('run_events')).toBe(2 * FAULTS.length);
  expect(await stack.database.count('event_outcomes')).toBe(2 * FAULTS.length);
  expect(await stack.database.count('rejections')).toBe(0);
  expect(await stack.projectors[0]!.metric('runspine_projector_dead_letters_total')).toBe(FAULTS.length);
});

it('leaves the projector ready', async () => {
  expect(await stack.projectors[0]!.readiness()).toMatchObject({ status: 200 });
});

/** Dead letters keep key and value as they were. An empty value and none look alike to nobody. */
function isCopy(letter: LoggedRecord, record: ForeignRecord): boolean {
  const value = record.value === null ? null : Buffer.from(record.value);
  const sameValue = value === null ? letter.value === null : letter.value?.equals(value) === true;
  return letter.key === record.key && sameValue;
}

function spoilData(record: ForeignRecord, fields: object): ForeignRecord {
  return { ...record, value: JSON.stringify({ ...(JSON.parse(String(record.value)) as object), ...fields }) };
}

function futureRun(record: ForeignRecord): ForeignRecord {
  const data = JSON.parse(String(record.value)) as { run_id: string };
  const run_id = `run_ffffffffffff${data.run_id.slice(16)}`;
  return { ...spoilData(record, { run_id }), headers: { ...record.headers, ce_subject: run_id } };
}

function misplaced(record: ForeignRecord): ForeignRecord {
  return { ...record, partition: (partitionFor(record.key!, PARTITIONS) + 1) % PARTITIONS };
}

it('is one, too, where its batch is read anew, since an event in it came before', async () => {
  const team = await stack.foreign();
  const run_id = team.runId();
  const created = team.record({ type: 'run.created', data: { run_id, input: null } });
  await team.sendRecords([created]);
  await stack.caughtUp();
  const unreadable = { ...team.record({ type: 'run.started', data: { run_id } }), value: '{"again":' };
  await team.sendRecords([created, unreadable, team.record({ type: 'run.started', data: { run_id } })]);
  await stack.caughtUp();
  const copies = (await stack.read('deadLetter')).filter((letter) => isCopy(letter, unreadable));
  expect(copies.map(({ headers }) => headers.dl_code)).toEqual(['event.malformed']);
  const run = await stack.database.row('SELECT status, version FROM proj_runs WHERE run_id = $1', [run_id]);
  expect(run).toMatchObject({ status: 'running', version: 2 });
});
