import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TaskResource } from '@runspine/contracts';
import { quickNexus, refusalOf, Spaces } from '../stack/spaces.js';
import { startStack, type Stack } from '../stack/stack.js';
import { pause, until } from '../stack/until.js';

// Real: everything. Kafka and PostgreSQL are cut off from the services by a proxy between them.

let stack: Stack;
let spaces: Spaces;

beforeAll(async () => {
  const settings = { ...(await quickNexus()), RUNSPINE_SEND_MS: '1000', RUNSPINE_NEXUS_TASK_RETRY_MS: '2000' };
  stack = await startStack({ gateways: 1, nexuses: 1, proxied: true, settings });
  spaces = new Spaces(stack.http());
  await spaces.put('seen', [document('a', 'seen before')]);
}, 120_000);
afterAll(() => stack.close());

describe('while Kafka is away', () => {
  it('nexus loses and doubles nothing of what it was at, however long it takes', async () => {
    const tasks: string[] = [];
    for (let index = 0; index < 60; index++) {
      tasks.push(
        await spaces.ingest('cut', [document(`d${index % 40}`, `by ${index}`), document(`e${index}`, 'once')]),
      );
      if (index % 15 !== 7) continue;
      stack.kafkaProxy!.cut();
      // Longer than a task is tried again: an outcome that cannot be told is no failure of the task.
      await pause(index === 37 ? 4000 : 300);
      stack.kafkaProxy!.mend();
      await until('the gateway to write again', async () => (await spaces.remove('other', 'x').catch(() => '')) !== '');
    }
    for (const task of tasks) {
      expect(await spaces.ended(task)).toMatchObject({ status: 'completed', documents_done: 2, errors: [] });
    }
    expect(await space('cut')).toMatchObject({ rows: 100, documents: 100 });
    const newest = await spaces.ask('cut', { query: 'by', mode: 'vector', filter: { document_id: 'd19' } });
    expect(newest.hits.map(({ text }) => text)).toEqual(['by 59']);
  });

  it('ingest is answered 503 with what may be sent again; the same key later is one task', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const body = { documents: [document('k', 'with a key')] };
    const send = (headers = {}) => stack.http().post('/nexus/spaces/keyed/ingest', body, headers);
    stack.kafkaProxy!.cut();
    const refused = [await send(), await send(key), await send(key)];
    for (const answer of refused) {
      expect(refusalOf(answer)).toEqual([503, 'event_spine.unavailable']);
      expect(answer.body.error).toMatchObject({ retryable: true, details: { event_id: expect.any(String) } });
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    }
    // Questions need no Kafka.
    expect((await spaces.ask('seen', { query: 'seen' })).hits).toHaveLength(1);
    stack.kafkaProxy!.mend();
    const accepted = await until('Kafka to take it', async () => {
      const answer = await send(key);
      return answer.status === 202 && answer;
    });
    const { task_id } = accepted.body as { task_id: string };
    expect(await spaces.ended(task_id)).toMatchObject({ status: 'completed', documents: 1, documents_done: 1 });
    expect((await send(key)).body).toEqual({ task_id });
    expect(await space('keyed')).toMatchObject({ rows: 1 });
  });

  it('nexus has come back by itself, and goes on', async () => {
    await stack.nexuses[0]!.ready();
    await spaces.put('seen', [document('b', 'after')]);
  });
});

describe('while PostgreSQL is away', () => {
  it('ingest is taken and done, and questions are answered; tasks are told of later', async () => {
    const large = Array.from({ length: 400 }, (_, index) => document(`l${index}`, 'long '.repeat(200)));
    stack.postgresProxy!.cut();
    const began = Date.now();
    const answers = [
      await spaces.send('away', [document('plain', 'without a key')]),
      await stack
        .http()
        .post('/nexus/spaces/away/ingest', { documents: [document('keyed', 'with a key')] }, keyOf('away')),
      // Its payload goes to the blob store, by the routes last known.
      await spaces.send('away', large),
    ];
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    await until('nexus to have it', async () => ((await space('away')) as { documents?: number }).documents === 402);
    expect(Date.now() - began).toBeLessThan(30_000);
    expect((await spaces.ask('away', { query: 'key', mode: 'text' })).hits).toHaveLength(2);
    const [task] = answers.map(({ body }) => (body as { task_id: string }).task_id);
    expect(refusalOf(await stack.http().get(`/nexus/tasks/${task}`))).toEqual([503, 'store.unavailable']);
    expect(refusalOf(await spaces.query('away', { query: 'key', after_task: task }))).toEqual([
      503,
      'store.unavailable',
    ]);

    stack.postgresProxy!.mend();
    for (const { body } of answers) {
      expect(await spaces.ended((body as { task_id: string }).task_id)).toMatchObject({ status: 'completed' });
    }
  });

  it('at the start, nexus and gateway wait for it, and say so', async () => {
    const [nexus] = stack.nexuses;
    await nexus!.stop();
    stack.postgresProxy!.cut();
    await nexus!.start();
    const { status, body } = await nexus!.readiness();
    expect(status).toBe(503);
    expect(JSON.parse(body)).toMatchObject({ checks: { routes: { ok: false } } });
    expect(refusalOf(await spaces.query('seen', { query: 'seen' }))).toEqual([503, 'store.unavailable']);
    const task = await spaces.ingest('seen', [document('c', 'meanwhile')]);
    await pause(1500);
    expect(nexus!.running).toBe(true);

    stack.postgresProxy!.mend();
    await nexus!.ready();
    expect(await spaces.ended(task)).toMatchObject({ status: 'completed', errors: [] });
    expect((await spaces.ask('seen', { query: 'meanwhile', mode: 'text' })).hits).toHaveLength(1);
  });
});

describe('while nexus is away', () => {
  it('ingest is taken, questions are 503 nexus.unavailable, and all of it is done once it is back', async () => {
    const [nexus] = stack.nexuses;
    await nexus!.kill();
    const task = await spaces.ingest('seen', [document('d', 'in the meantime')]);
    const answer = await spaces.query('seen', { query: 'x' });
    expect(refusalOf(answer)).toEqual([503, 'nexus.unavailable']);
    expect(answer.body.error.message).not.toMatch(/127\.0\.0\.1|ECONN/);
    await nexus!.start();
    await nexus!.ready();
    expect(await spaces.ended(task)).toMatchObject({ status: 'completed' } satisfies Partial<TaskResource>);
  });
});

const document = (document_id: string, text: string) => ({ document_id, text });
const keyOf = (key: string) => ({ 'idempotency-key': key });

async function space(id: string): Promise<unknown> {
  return (await stack.http().get(`/nexus/spaces/${id}`)).body;
}
