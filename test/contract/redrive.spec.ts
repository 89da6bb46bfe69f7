import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DeadLetterList } from '@runspine/contracts';
import { partitionFor } from '@runspine/kafka';
import type { ForeignProducer } from '../stack/foreign-producer.js';
import type { HttpClient } from '../stack/http-client.js';
import { ended } from '../stack/jobs.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

let stack: Stack;
let team: ForeignProducer;
let system: HttpClient;
const malformed = { value: '{"not json' };

beforeAll(async () => {
  stack = await startStack({ gateways: 1 });
  team = await stack.foreign();
  system = stack.http().with({ 'x-roles': 'system' });
  const runs = Array.from({ length: 12 }, () => team.record({ type: 'run.created', data: { run_id: team.runId() } }));
  await team.sendRecords(runs.map((record, index) => (index < 8 ? { ...record, ...malformed } : record)));
  const [unknown] = runs;
  await team.sendRecords([{ ...unknown!, headers: { ...unknown!.headers, ce_type: 'run.unheard_of' } }]);
  await until('nine letters', async () => (await letters()) === 9);
});
afterAll(() => stack.close());

const letters = async () => (await stack.logEnds('deadLetter')).reduce((sum, { low, high }) => sum + high - low, 0);
const list = async (query = '') => (await system.get(`/v1/admin/dead-letters${query}`)).body as DeadLetterList;
const redrive = async (body: object) => ended(system, await system.post('/v1/admin/dead-letters/redrive', body));

it('letters are listed with where they came from and why, by filter and page by page', async () => {
  const { items, next_cursor } = await list();
  expect(items).toHaveLength(9);
  expect(next_cursor).toBeNull();
  expect(items[0]).toMatchObject({
    source: { topic: stack.topic('runs'), partition: expect.any(Number), offset: expect.any(Number) },
    code: expect.stringMatching(/^event\./),
    tenant_id: 'default',
    redriven: null,
  });
  expect((await list('?code=event.unknown_type')).items).toHaveLength(1);
  expect((await list('?topic=another')).items).toEqual([]);
  const pages = [];
  for (let cursor: string | null = ''; cursor !== null && pages.length < 10;) {
    const page: DeadLetterList = await list(`?limit=4${cursor && `&cursor=${cursor}`}`);
    pages.push(...page.items);
    cursor = page.next_cursor;
  }
  expect(pages).toEqual(items);
});

it('a letter is shown with its record', async () => {
  const { partition, offset } = (await list('?code=event.malformed')).items[0]!;
  expect((await system.get(`/v1/admin/dead-letters/${partition}/${offset}`)).body).toMatchObject({
    value: malformed.value,
    encoding: 'utf8',
    headers: { ce_type: 'run.created', dl_code: 'event.malformed' },
  });
  expect(await system.get(`/v1/admin/dead-letters/${partition}/99999`)).toMatchObject({
    status: 404,
    body: { error: { code: 'dead_letter.not_found' } },
  });
});

it('is for the role system, and refuses what it does not understand', async () => {
  for (const roles of ['admin', 'reader,writer']) {
    const other = stack.http().with({ 'x-roles': roles });
    expect(await other.get('/v1/admin/dead-letters')).toMatchObject({ status: 403 });
    expect(await other.post('/v1/admin/dead-letters/redrive', { selection: { code: 'x' } })).toMatchObject({
      status: 403,
    });
  }
  for (const body of [
    {},
    { selection: {} },
    { selection: { code: 'x', codes: 'y' } },
    { selection: { code: 'x' }, rate: 0 },
  ]) {
    expect(await system.post('/v1/admin/dead-letters/redrive', body)).toMatchObject({ status: 400 });
  }
  expect(await system.get('/v1/admin/dead-letters?cursor=xyz')).toMatchObject({ status: 400 });
});

it('a dry run counts and sends nothing', async () => {
  const job = await redrive({ selection: { code: 'event.malformed' }, dry_run: true });
  expect(job).toMatchObject({ status: 'completed', result: { dry_run: true, matched: 8, redriven: 0 } });
  expect(await letters()).toBe(9);
});

it('letters go back raw, under their own ids, and say which redrive sent them', async () => {
  const before = (await list('?code=event.malformed')).items;
  const chosen = before.slice(0, 2).map(({ partition, offset }) => ({ partition, offset }));
  const job = await redrive({ selection: { letters: chosen } });
  expect(job).toMatchObject({ status: 'completed', result: { matched: 2, redriven: 2, skipped: 0 } });
  await until('two more letters: they are as unreadable as before', async () => (await letters()) === 11);
  const again = (await list('?code=event.malformed')).items.filter(({ redriven }) => redriven !== null);
  expect(again.map(({ event_id }) => event_id).sort()).toEqual(
    before
      .slice(0, 2)
      .map(({ event_id }) => event_id)
      .sort(),
  );
  expect(again[0]!.redriven).toContain(job.job_id);
});

it('what can be read by now is applied once, however often it is sent again', async () => {
  const run_id = team.runId();
  const { key, value, headers } = team.record({ type: 'run.created', id: randomUUID(), data: { run_id } });
  const [end] = (await stack.logEnds()).filter(({ partition }) => partition === partitionOf(key as string));
  // As a projector left it that did not know the type yet.
  const { Kafka, logLevel } = await import('kafkajs');
  const producer = new Kafka({ brokers: stack.brokers, clientId: 'older', logLevel: logLevel.ERROR }).producer();
  await producer.connect();
  const dl = {
    dl_topic: stack.topic('runs'),
    dl_partition: String(end!.partition),
    dl_offset: '0',
    dl_code: 'event.older',
  };
  await producer.send({ topic: stack.topic('deadLetter'), messages: [{ key, value, headers: { ...headers, ...dl } }] });
  const foreign = { ...dl, dl_topic: 'somebody-elses' };
  await producer.send({
    topic: stack.topic('deadLetter'),
    messages: [{ key, value, headers: { ...headers, ...foreign } }],
  });
  await producer.disconnect();

  for (let time = 1; time <= 2; time += 1) {
    const job = await redrive({ selection: { code: 'event.older' } });
    expect(job).toMatchObject({ result: { matched: 2, redriven: 1, skipped: 1 } });
  }
  await stack.caughtUp();
  expect(await stack.database.count('run_events', 'run_id = $1', [run_id])).toBe(1);
  expect(await stack.database.count('rejections', 'run_id = $1', [run_id])).toBe(0);
});

it('a redrive keeps to its limit and its rate, and can be cancelled', async () => {
  const limited = await redrive({ selection: { code: 'event.malformed' }, limit: 3, rate: 2 });
  expect(limited).toMatchObject({ result: { matched: 3, redriven: 3 } });
  const answer = await system.post('/v1/admin/dead-letters/redrive', {
    selection: { code: 'event.malformed' },
    rate: 1,
  });
  const second = await system.post('/v1/admin/dead-letters/redrive', { selection: { code: 'event.malformed' } });
  expect(second).toMatchObject({ status: 409, body: { error: { code: 'admin.job_running', details: answer.body } } });
  const cancelled = await system.post(`/v1/admin/jobs/${answer.body.job_id}/cancel`);
  expect(cancelled).toMatchObject({
    status: 200,
    body: { status: 'cancelled', error: { code: 'admin.job_cancelled' } },
  });
});

it('a job whose process ended is failed, clearly', async () => {
  const answer = await system.post('/v1/admin/dead-letters/redrive', {
    selection: { code: 'event.malformed' },
    rate: 1,
  });
  await stack.projectors[0]!.kill();
  await stack.projectors[0]!.start();
  const row = () =>
    stack.database.row<{ status: string; error: { code: string } }>(
      'SELECT status, error FROM admin_jobs WHERE job_id = $1',
      [answer.body.job_id],
    );
  await until('the job to be failed', async () => (await row()).status === 'failed');
  expect(await row()).toMatchObject({ error: { code: 'admin.job_interrupted' } });
});

function partitionOf(key: string): number {
  return partitionFor(key, 4);
}
