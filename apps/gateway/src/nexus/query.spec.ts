import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newRunId, newStepId, newTaskId } from '@runspine/contracts';
import type { RunningGateway } from '../running-gateway.fixture.js';
import { AskedGateway, codeOf, until } from './asked-gateway.fixture.js';
import type { NexusStandIn } from './nexus-stand-in.fixture.js';
import { readTopic } from './topic-reader.fixture.js';

let running: AskedGateway;
let nexus: NexusStandIn;
let gateway: RunningGateway;
const ask: AskedGateway['ask'] = (...sent) => running.ask(...sent);
const query: AskedGateway['query'] = (...sent) => running.query(...sent);

beforeAll(async () => {
  running = await AskedGateway.start(process.env);
  ({ nexus, gateway } = running);
});
afterAll(() => running.stop());
beforeEach(() => running.reset());

describe('a question', () => {
  it('goes to nexus with its caller, and its answer comes back byte for byte', async () => {
    const text = ' {"hits":[ ],"a":1.0e0}';
    nexus.answer = (_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(text);
    const caller = {
      'x-tenant-id': 'acme',
      'x-env': 'prod',
      'x-project-id': 'p',
      'x-surface-id': 's',
      'x-roles': 'reader',
      'x-request-id': 'req-1',
      'x-correlation-id': 'corr-1',
      authorization: 'Bearer t',
    };
    const answer = await query({ query: 'why?', vector: [0.1, 0.2] }, { ...caller, cookie: 'secret' });

    expect([answer.status, await answer.text()]).toEqual([200, text]);
    expect(answer.headers.get('x-request-id')).toBe('req-1');
    const [received] = nexus.received;
    expect(received).toMatchObject({ method: 'POST', url: '/base/nexus/spaces/handbook/query', headers: caller });
    expect(JSON.parse(received!.body)).toEqual({ query: 'why?', vector: [0.1, 0.2] });
    expect(received!.headers).not.toHaveProperty('cookie');
  });

  it('that nexus refuses is refused with its words', async () => {
    const error = { code: 'nexus.cursor_invalid', message: 'no', retryable: false, details: { a: 1 }, request_id: 'r' };
    nexus.answer = (_request, response) => nexus.json(response, 410, { error });
    const answer = await query({ query: 'x' });
    expect([answer.status, await answer.json()]).toEqual([410, { error }]);
    nexus.answer = (_request, response) => nexus.json(response, 503, { error }, { 'retry-after': '7' });
    const later = await query({ query: 'x' });
    expect([later.status, later.headers.get('retry-after')]).toEqual([503, '7']);
    nexus.answer = (_request, response) => nexus.json(response, 500, { error });
    expect((await query({ query: 'x' })).status).toBe(500);
  });

  it('can be explained, the space in the path or in the body', async () => {
    await ask('/nexus/spaces/handbook/query/explain', { query: 'x' });
    await ask('/nexus/query/explain', { space_id: 'handbook', query: 'x' });
    expect(nexus.received.map(({ url, body }) => [url, body])).toEqual(
      Array(2).fill(['/base/nexus/spaces/handbook/query/explain', '{"query":"x"}']),
    );
    expect(await codeOf(await ask('/nexus/query/explain', { query: 'x' }))).toMatchObject({ code: 'request.invalid' });
    expect((await ask('/nexus/query/explain', { space_id: '../x', query: 'x' })).status).toBe(400);
  });

  it.each([
    ['spaces/Handbook/query', { query: 'x' }, 'spaceId'],
    ['spaces/..%2Fx/query', { query: 'x' }, 'spaceId'],
    ['spaces/handbook/query', [], '/'],
    ['spaces/handbook/query', { run_id: newRunId('00000000') }, '/step_id'],
    ['spaces/handbook/query', { run_id: 'run_1', step_id: newStepId() }, '/run_id'],
    ['spaces/handbook/query', { after_task: 'task_1' }, '/after_task'],
    ['spaces/handbook/query', { query: 'a\u0000b' }, '/query'],
  ])('of a wrong form is refused here: %s %j', async (path, body, fault) => {
    const answer = await ask(`/nexus/${path}`, body);
    expect(answer.status).toBe(400);
    expect(await codeOf(answer)).toMatchObject({ code: 'request.invalid', details: { faults: [{ path: fault }] } });
    expect(nexus.received).toEqual([]);
  });

  it('needs the role reader', async () => {
    const answer = await query({ query: 'x' }, { 'x-roles': 'writer' });
    expect([answer.status, (await codeOf(answer)).code]).toEqual([403, 'auth.forbidden']);
  });
});

describe('spaces', () => {
  it('are read from nexus, parameters and all', async () => {
    expect((await fetch(`${gateway.address}/nexus/spaces?limit=2`)).status).toBe(200);
    expect((await fetch(`${gateway.address}/nexus/spaces/handbook?scope=global`)).status).toBe(200);
    expect(nexus.received.map(({ url }) => url)).toEqual([
      '/base/nexus/spaces?limit=2',
      '/base/nexus/spaces/handbook?scope=global',
    ]);
  });

  it.each([
    ['spaces?limit=0', 'limit'],
    ['spaces?limit=201', 'limit'],
    ['spaces?cursor=', 'cursor'],
    ['spaces?scope=mine', 'scope'],
    ['spaces?offset=2', 'offset'],
    ['spaces/handbook?limit=2', 'limit'],
  ])('are not asked for with a parameter that does not fit: %s', async (path, fault) => {
    const answer = await fetch(`${gateway.address}/nexus/${path}`);
    expect(answer.status).toBe(400);
    expect(await codeOf(answer)).toMatchObject({ code: 'request.invalid', details: { faults: [{ path: fault }] } });
    expect(nexus.received).toEqual([]);
  });
});

describe('what is recorded', () => {
  it('of a query of a step: step.retrieved, before it is answered; of every query: nexus.searched', async () => {
    const [run_id, step_id] = [newRunId('00000000'), newStepId()];
    const decides = {
      query: 'why?',
      top_k: 3,
      caps: { global: { max: 1 } },
      rerank: true,
      depth: 50,
      filter: { type: 'a' },
    };
    const body = { ...decides, vector: [1, 2], include: ['text'], run_id, step_id };
    const answer = await query(body, { 'x-tenant-id': 'acme', 'x-surface-id': 'support', 'x-correlation-id': 'c-9' });
    expect(answer.status).toBe(200);

    const retrieved = (await readTopic(gateway, 'runs')).find(({ subject }) => subject === run_id);
    expect(retrieved).toMatchObject({
      type: 'step.retrieved',
      id: answer.headers.get('x-event-id'),
      tenantid: 'acme',
      correlationid: 'c-9',
      data: {
        run_id,
        step_id,
        space: 'handbook',
        query: { ...decides, vector_f32: 'AACAPwAAAEA=' },
        hits: [{ id: 'a#0', document_id: 'a', score: 0.5, source_scope: 'tenant' }],
        snapshot: 'snap-1',
      },
    });
    const searched = async () =>
      (await readTopic(gateway, 'nexus')).find(({ correlationid }) => correlationid === 'c-9');
    await until(async () => (await searched()) !== undefined);
    expect(await searched()).toMatchObject({
      type: 'nexus.searched',
      subject: 'acme/default/default/support/handbook',
      data: { top_k: 3, hits: 1, took_ms: 1.5, run_id, step_id, space: { scope: 'tenant', space_id: 'handbook' } },
    });
  });

  it('of a query that was refused: nothing', async () => {
    nexus.answer = (_request, response) => nexus.json(response, 400, { error: { code: 'request.invalid' } });
    const headers = { 'x-correlation-id': 'refused-1' };
    await query({ run_id: newRunId('00000000'), step_id: newStepId() }, headers);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const events = [...(await readTopic(gateway, 'runs')), ...(await readTopic(gateway, 'nexus'))];
    expect(events.filter(({ correlationid }) => correlationid === 'refused-1')).toEqual([]);
  });
});

describe('after_task', () => {
  const put = (id: string, status: string, errors = '[]') =>
    gateway.owner.query(
      `INSERT INTO proj_nexus_tasks VALUES ('default', $1, 'default', 'default', 'default', 'handbook', 'tenant',
         'default/default/default/default/handbook', $2, 1, 0, 0, NULL, $3, NULL, now(), now(), NULL)
       ON CONFLICT (tenant_id, task_id) DO UPDATE SET status = EXCLUDED.status`,
      [id, status, errors],
    );

  it('waits until the task is completed, and only then asks', async () => {
    const id = newTaskId();
    await put(id, 'running');
    const asked = query({ query: 'x', after_task: id });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(nexus.received).toEqual([]);
    await put(id, 'completed');
    expect((await asked).status).toBe(200);
    expect(nexus.received).toHaveLength(1);
  });

  it('of a failed task is 409, of one that is not there 404', async () => {
    const id = newTaskId();
    await put(id, 'failed', '[{"code":"x.y","message":"no"}]');
    const answer = await query({ query: 'x', after_task: id });
    expect(answer.status).toBe(409);
    expect(await codeOf(answer)).toMatchObject({ code: 'nexus.task_failed', details: { errors: [{ code: 'x.y' }] } });
    const missing = await query({ query: 'x', after_task: newTaskId(Date.now() - 3_600_000) });
    expect([missing.status, (await codeOf(missing)).code]).toEqual([404, 'nexus.task_not_found']);
    expect(nexus.received).toEqual([]);
  });

  it('of a task that takes too long is 503, to be asked again', async () => {
    const id = newTaskId();
    await put(id, 'queued');
    const answer = await query({ query: 'x', after_task: id });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await codeOf(answer)).toMatchObject({ code: 'nexus.task_pending', details: { status: 'queued' } });
  });
});
