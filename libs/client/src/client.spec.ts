import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createClient, type RunspineClient } from './client.js';
import { isRunspineError, RunspineError } from './errors.js';
import { fail, GatewayFixture, json, type SeenRequest } from './gateway.fixture.js';
import { readEnvironment } from './environment.js';
import { affinityOf, isRunId, isStepId, newEventId, newRunId, newStepId } from './ids.js';

let gateway: GatewayFixture;
let client: RunspineClient;
const RUN = `run_${'0'.repeat(32)}`;

/** Answers requests one after the other. */
function answer(...answers: ((response: ServerResponse, request: SeenRequest) => unknown)[]): void {
  let index = 0;
  gateway.handler = (request, response) => {
    answers[Math.min(index++, answers.length - 1)]!(response, request);
    return true;
  };
}

beforeEach(async () => {
  gateway = await GatewayFixture.start();
  client = createClient({
    address: `${gateway.address}/`,
    tenant: 'acme',
    token: 't0ken',
    roles: ['reader'],
    timeoutMs: 2000,
    retries: { baseMs: 5, capMs: 2000 },
  });
});

afterEach(() => gateway.die());

describe('requests', () => {
  it('say who asks, and read the answer', async () => {
    answer((response) => json(response, 200, { run_id: RUN }));
    expect(await client.runs.get(RUN)).toEqual({ run_id: RUN });

    const [{ path, headers }] = gateway.requests as [SeenRequest];
    expect(path).toBe(`/v1/runs/${RUN}`);
    expect(headers).toMatchObject({
      'x-tenant-id': 'acme',
      'x-env': 'default',
      'x-roles': 'reader',
      authorization: 'Bearer t0ken',
    });
  });

  it('try again what may pass, a write with the same idempotency key each time', async () => {
    answer(
      (response) => fail(response, 503, 'event_spine.unavailable', { 'retry-after': '0' }),
      (response) => response.socket?.destroy(),
      (response) => response.writeHead(502).end('<html>'),
      (response) => json(response, 201, { run_id: RUN, status: 'created' }),
    );
    expect(await client.runs.create({ name: 'x' })).toMatchObject({ status: 'created' });

    const keys = gateway.requests.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toHaveLength(4);
    expect(new Set(keys).size).toBe(1);
    await client.runs.create({});
    expect(gateway.requests.at(-1)!.headers['idempotency-key']).not.toBe(keys[0]);
  });

  it('wait as long as Retry-After asks, in seconds or as a date, and give up where it is too long', async () => {
    answer(
      (response) => fail(response, 429, 'x.busy', { 'retry-after': '1' }),
      (response) => fail(response, 503, 'x.busy', { 'retry-after': new Date(Date.now() + 100).toUTCString() }),
      (response) => json(response, 200, {}),
    );
    const beganMs = Date.now();
    await client.runs.get(RUN);
    expect(Date.now() - beganMs).toBeGreaterThan(950);
    answer((response) => fail(response, 503, 'x.busy', { 'retry-after': '3600' }));
    await expect(client.runs.get(RUN)).rejects.toMatchObject({ code: 'x.busy', retryAfterMs: 3_600_000 });
    expect(gateway.requests).toHaveLength(4);
  });

  it('throw what the gateway says, with code, status, request id and details', async () => {
    answer((response) => fail(response, 409, 'run.invalid_transition', {}, { current: 'completed' }));
    const error = await client.runs
      .start(RUN, {}, { ifMatch: 3, correlationId: 'c', causationId: 'd', traceparent: 't' })
      .catch((one: unknown) => one);

    expect(error).toBeInstanceOf(RunspineError);
    expect(isRunspineError(error)).toBe(true);
    expect(isRunspineError(new Error('x'))).toBe(false);
    expect(error).toMatchObject({
      code: 'run.invalid_transition',
      status: 409,
      retryable: false,
      requestId: 'req-1',
      details: { current: 'completed' },
    });
    expect(gateway.requests).toHaveLength(1);
    expect(gateway.requests[0]!.headers).toMatchObject({
      'if-match': '"3"',
      'x-correlation-id': 'c',
      'x-causation-id': 'd',
      traceparent: 't',
    });
  });

  it('name what never was an answer: nobody there, too late, nonsense', async () => {
    answer((response) => response.writeHead(200).end('Hello'));
    await expect(client.runs.get(RUN, { retries: 0 })).rejects.toMatchObject({
      code: 'client.bad_answer',
      retryable: true,
    });
    answer((response) => json(response, 200, [1]));
    await expect(client.runs.get(RUN)).rejects.toMatchObject({ code: 'client.bad_answer' });
    answer((response) => json(response, 404, { error: 'x' }));
    await expect(client.runs.get(RUN)).rejects.toMatchObject({ code: 'client.bad_answer', status: 404 });
    gateway.handler = () => true;
    await expect(client.runs.get(RUN, { timeoutMs: 50, retries: 1 })).rejects.toMatchObject({
      code: 'client.timeout',
      status: 0,
    });
    await gateway.die();
    await expect(client.runs.get(RUN, { retries: 0 })).rejects.toMatchObject({
      code: 'client.unreachable',
      retryable: true,
    });
  });

  it('end when their signal aborts, with its reason, also between two tries', async () => {
    gateway.handler = () => true;
    const reason = new Error('enough');
    const controller = new AbortController();
    const call = client.runs.get(RUN, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 30);
    await expect(call).rejects.toBe(reason);
    await expect(client.runs.get(RUN, { signal: controller.signal })).rejects.toBe(reason);
    answer((response) => fail(response, 503, 'x', { 'retry-after': '2' }));
    const waiting = new AbortController();
    const retried = client.runs.get(RUN, { signal: waiting.signal });
    setTimeout(() => waiting.abort('no reason'), 50);
    await expect(retried).rejects.toBe('no reason');
  });

  it('take a token from a function, and another fetch', async () => {
    const seen: unknown[] = [];
    const own = createClient({
      address: gateway.address,
      token: () => Promise.resolve('fresh'),
      fetch: (input, init) => {
        seen.push(init?.headers);
        return fetch(input, init);
      },
    });
    answer((response) => json(response, 200, {}));
    expect(await own.request('GET', '/v1/x', { query: { a: 1, b: undefined } })).toMatchObject({ status: 200 });

    expect(seen).toEqual([expect.objectContaining({ authorization: 'Bearer fresh' })]);
    expect(gateway.requests[0]!.path).toBe('/v1/x?a=1');
    expect(() => createClient({ address: 'ftp://x' })).toThrow('no http(s) address');
    expect(() => createClient({ address: 'nonsense' })).toThrow('nonsense');
  });
});

describe('writes that are not known in time', () => {
  const pending = (response: ServerResponse) =>
    json(response, 202, { event_id: 'e1', run_id: RUN, step_id: 's1', outcome: 'pending' });

  it('are followed until they are applied', async () => {
    answer(
      pending,
      (response) => fail(response, 404, 'event.not_recorded'),
      (response) => json(response, 200, { outcome: 'applied' }),
      (response) => json(response, 200, { run_id: RUN, status: 'running' }),
    );
    expect(await client.runs.start(RUN)).toMatchObject({ status: 'running' });
    expect(gateway.requests.map(({ path }) => path)).toEqual([
      `/v1/runs/${RUN}/start`,
      '/v1/events/e1',
      '/v1/events/e1',
      `/v1/runs/${RUN}`,
    ]);
  });

  it('throw when they are refused, or not known at all', async () => {
    answer(pending, (response) =>
      json(response, 200, { outcome: 'rejected', reason: 'run.invalid_transition', current: 'failed' }),
    );
    await expect(client.runs.complete(RUN)).rejects.toMatchObject({
      code: 'run.invalid_transition',
      status: 409,
      details: { current: 'failed' },
    });
    answer(pending, (response) => json(response, 200, { outcome: 'parked', reason: null }));
    await expect(client.runs.cancel(RUN)).rejects.toMatchObject({ code: 'event.parked', status: 422 });
    answer(pending, (response) => fail(response, 404, 'event.not_recorded'));
    await expect(client.runs.fail(RUN, { error: { message: 'x' } }, { timeoutMs: 150 })).rejects.toMatchObject({
      code: 'client.outcome_pending',
      details: { event_id: 'e1', run_id: RUN },
    });
    answer(pending, (response) => fail(response, 403, 'auth.forbidden'));
    await expect(client.runs.heartbeat(RUN)).rejects.toMatchObject({ code: 'auth.forbidden' });
  });

  it('find the step that was written', async () => {
    answer(
      pending,
      (response) => json(response, 200, { outcome: 'applied' }),
      (response) => json(response, 200, { items: [{ step_id: 's0' }, { step_id: 's1' }], next_cursor: null }),
    );
    expect(await client.steps.create(RUN, { name: 'x' })).toEqual({ step_id: 's1' });
    answer(
      pending,
      (response) => json(response, 200, { outcome: 'applied' }),
      (response) => json(response, 200, { items: [], next_cursor: null }),
    );
    await expect(client.steps.complete(RUN, 's1')).rejects.toMatchObject({ code: 'step.not_found' });
  });
});

describe('routes', () => {
  it('are those of the API', async () => {
    gateway.handler = ({ path }, response) =>
      json(
        response,
        200,
        path.endsWith('/events') || path.includes('/events?')
          ? { results: [], items: [], next_cursor: null }
          : { items: [], next_cursor: null },
      );
    await client.runs.annotate(RUN, { tags: { a: 'b' } });
    await client.runs.erase(RUN, { reason: 'asked' });
    await client.steps.start(RUN, 's');
    await client.steps.fail(RUN, 's', { error: { message: 'x' } });
    await client.steps.skip(RUN, 's');
    expect(await client.runs.sendEvents(RUN, [{ type: 'run.started', data: {} }], { async: true, waitS: 1 })).toEqual(
      [],
    );
    await client.runs.state(RUN, { at: 4 });
    await client.runs.checkpoint('sha256:a', { stage: 's' });
    await client.runs.list({ status: 'failed', limit: 3 }).page();
    await client.runs.events(RUN, { type: 'run.started' }).page('c');
    await client.correlated('corr').page();
    await client.rejections({ run_id: RUN }).page();
    await client.outcome('e');
    expect(gateway.requests.map(({ method, path }) => `${method} ${path.replaceAll(RUN, 'R')}`)).toEqual([
      'POST /v1/runs/R/annotate',
      'POST /v1/runs/R/erase',
      'POST /v1/runs/R/steps/s/start',
      'POST /v1/runs/R/steps/s/fail',
      'POST /v1/runs/R/steps/s/skip',
      'POST /v1/runs/R/events',
      'GET /v1/runs/R/state?at=4',
      'GET /v1/checkpoints/sha256%3Aa?stage=s',
      'GET /v1/runs?status=failed&limit=3',
      'GET /v1/runs/R/events?type=run.started&cursor=c',
      'GET /v1/events?correlation_id=corr',
      `GET /v1/rejections?run_id=R`,
      'GET /v1/events/e',
    ]);
    expect(gateway.requests[5]!.headers.prefer).toBe('respond-async, wait=1');
    answer((response) => json(response, 200, {}));
    await expect(client.runs.sendEvents(RUN, [])).rejects.toMatchObject({ code: 'client.bad_answer' });
  });
});

describe('lists', () => {
  it('are read page after page, each when it is needed', async () => {
    answer(
      (response) => json(response, 200, { items: [1, 2], next_cursor: 'b' }),
      (response) => json(response, 200, { items: [3], next_cursor: 'c' }),
      (response) => json(response, 200, { items: [4], next_cursor: null }),
    );
    const items = [];
    for await (const item of client.runs.list()) items.push(item);
    expect(items).toEqual([1, 2, 3, 4]);
    expect(gateway.requests.map(({ path }) => path)).toEqual(['/v1/runs', '/v1/runs?cursor=b', '/v1/runs?cursor=c']);
  });

  it('give their first items, and ask for no more', async () => {
    answer((response) => json(response, 200, { items: [1, 2], next_cursor: 'b' }));
    expect(await client.runs.list().first(2)).toEqual([1, 2]);
    expect(await client.runs.list().first(0)).toEqual([]);
    expect(gateway.requests).toHaveLength(2);
  });

  it('do not follow a cursor that leads to itself, nor take nonsense for a page', async () => {
    answer((response) => json(response, 200, { items: [1], next_cursor: 'b' }));
    await expect(client.runs.list().first(100)).rejects.toMatchObject({ code: 'client.bad_answer' });
    answer((response) => json(response, 200, { items: 'x' }));
    await expect(client.runs.list().page()).rejects.toMatchObject({ code: 'client.bad_answer' });
  });
});

describe('streams', () => {
  const open = (response: ServerResponse, ...sequences: number[]) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('retry: 5\n\n: hello\n\n');
    for (const sequence of sequences)
      response.write(`id: ${sequence}\nevent: x\ndata: {"run_sequence":${sequence}}\n\n`);
  };

  it('come back where they were, each event once, until 204', async () => {
    answer(
      (response) => {
        open(response, 1, 2);
        setTimeout(() => response.socket?.destroy(), 30);
      },
      (response) => fail(response, 503, 'stream.too_many'),
      (response) => {
        open(response, 2, 3);
        response.end();
      },
      (response) => response.writeHead(204).end(),
    );
    const sequences = [];
    for await (const { sequence, event } of client.runs.stream(RUN, { after: 0 })) {
      expect(event.run_sequence).toBe(sequence);
      sequences.push(sequence);
    }
    expect(sequences).toEqual([1, 2, 3]);
    expect(gateway.requests.map(({ headers }) => headers['last-event-id'])).toEqual(['0', '2', '2', '3']);
  });

  it('begin at the version that the run has now, where nothing else is said', async () => {
    answer(
      (response) => json(response, 200, { version: 7 }),
      (response) => response.writeHead(204).end(),
    );
    for await (const event of client.runs.stream(RUN)) throw new Error(String(event));
    expect(gateway.requests[1]!.headers['last-event-id']).toBe('7');
  });

  it('end quietly when their signal aborts', async () => {
    answer((response) => open(response, 1));
    const controller = new AbortController();
    const seen = [];
    for await (const event of client.roomStream('kitchen', { after: 0, signal: controller.signal })) {
      seen.push(event.sequence);
      setTimeout(() => controller.abort(), 10);
    }
    expect(seen).toEqual([1]);
    expect(gateway.requests[0]!.path).toBe('/v1/streams/rooms/kitchen');
    for await (const event of client.runs.stream(RUN, { signal: controller.signal })) throw new Error(String(event));
    expect(gateway.requests).toHaveLength(1);
  });

  it('throw what no other try mends', async () => {
    answer((response) => fail(response, 404, 'run.not_found'));
    await expect(client.runs.stream(RUN, { after: 0 }).next()).rejects.toMatchObject({ code: 'run.not_found' });
  });

  it('bear silence, nonsense and another content type by coming back', async () => {
    answer(
      (response) => open(response),
      (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end('retry: 5\n\nid: 1\ndata: {nonsense\n\n');
      },
      (response) => json(response, 200, {}),
      (response) => {
        open(response, 1);
        response.write('id: x\ndata: {}\n\n');
      },
    );
    const stream = client.roomStream('kitchen', { after: 0, silenceMs: 60 });
    expect((await stream.next()).value).toMatchObject({ sequence: 1 });
    await stream.return();
    expect(gateway.requests).toHaveLength(4);
  });
});

describe('nexus', () => {
  const task =
    (status: string, more = {}) =>
    (response: ServerResponse) =>
      json(response, 200, { task_id: 't', status, errors: [], ...more });
  const accepted = (response: ServerResponse) => json(response, 202, { task_id: 't' });

  it('ingests, and waits for the task only if asked', async () => {
    answer(
      accepted,
      (response) => fail(response, 404, 'nexus.task_not_found'),
      task('running'),
      task('completed', { version: 3 }),
    );
    expect(await client.nexus.ingest('docs', { documents: [{ text: 'a' }] })).toEqual({ task_id: 't' });
    expect(gateway.requests).toHaveLength(1);
    expect(await client.nexus.waitForTask('t')).toMatchObject({ status: 'completed', version: 3 });
    answer(accepted, task('completed'));
    expect(await client.nexus.removeDocument('docs', 'a/b', { wait: { waitMs: 1000 }, scope: 'global' })).toMatchObject(
      { status: 'completed' },
    );
    expect(gateway.requests.at(-2)!).toMatchObject({
      method: 'DELETE',
      path: '/nexus/spaces/docs/documents/a%2Fb?scope=global',
    });
  });

  it('throws what a task came to, or that it is not done', async () => {
    answer(accepted, task('failed', { errors: [{ code: 'nexus.embedding_mismatch', message: 'other model' }] }));
    await expect(client.nexus.ingest('docs', { documents: [] }, { wait: true })).rejects.toMatchObject({
      code: 'client.task_failed',
      message: expect.stringContaining('nexus.embedding_mismatch'),
    });
    answer(task('running'));
    await expect(client.nexus.waitForTask('t', { waitMs: 30 })).rejects.toMatchObject({
      code: 'client.task_pending',
      details: { task_id: 't' },
    });
    answer((response) => fail(response, 403, 'auth.forbidden'));
    await expect(client.nexus.waitForTask('t')).rejects.toMatchObject({ code: 'auth.forbidden' });
    answer((response) => fail(response, 404, 'nexus.task_not_found'));
    await expect(client.nexus.waitForTask('t', { waitMs: 30 })).rejects.toMatchObject({ code: 'nexus.task_not_found' });
    answer((response) => json(response, 202, {}));
    await expect(client.nexus.ingest('docs', { documents: [] })).rejects.toMatchObject({ code: 'client.bad_answer' });
  });

  it('queries, page after page', async () => {
    const page = (ids: string[], next: string | null) => (response: ServerResponse) =>
      json(response, 200, { hits: ids.map((id) => ({ id })), next_cursor: next });
    answer(page(['a', 'b'], 'n'), page(['c'], null));
    const ids = [];
    for await (const hit of client.nexus.hits('docs', { query: 'x' })) ids.push(hit.id);
    expect(ids).toEqual(['a', 'b', 'c']);
    expect(JSON.parse(gateway.requests[1]!.body)).toEqual({ query: 'x', cursor: 'n' });
    answer(page(['a'], 'n'));
    await expect(
      (async () => {
        for await (const hit of client.nexus.hits('docs', {})) ids.push(hit.id);
      })(),
    ).rejects.toMatchObject({ code: 'client.bad_answer' });
    answer((response) => json(response, 200, {}));
    await expect(client.nexus.query('docs', {})).rejects.toMatchObject({ code: 'client.bad_answer' });
  });

  it('uploads bytes, and tells of spaces', async () => {
    answer((response, { body }) => json(response, 201, { blob_uri: 'blob://a', bytes: body.length }));
    expect(await client.nexus.uploadBlob(new TextEncoder().encode('four'))).toEqual({ blob_uri: 'blob://a', bytes: 4 });
    expect(gateway.requests[0]!.headers['content-type']).toBe('application/octet-stream');
    answer((response) => json(response, 200, { items: [{ space_id: 'a' }], next_cursor: null }));
    expect(await client.nexus.spaces({ scope: 'global' }).first(5)).toEqual([{ space_id: 'a' }]);
    await client.nexus.space('a', { scope: 'tenant' });
    expect(gateway.requests.at(-1)!.path).toBe('/nexus/spaces/a?scope=tenant');
  });

  it('lists research runs page after page, and says what a question belongs to', async () => {
    answer(
      (response) => json(response, 200, { items: [{ id: 'a' }, { id: 'b' }], next_cursor: 'n' }),
      (response) => json(response, 200, { items: [{ id: 'c' }], next_cursor: null }),
      (response) => json(response, 200, { hits: [], next_cursor: null }),
    );
    const ids = [];
    for await (const { id } of client.nexus.runs({
      window_days: 30,
      kind: 'pack',
      status: 'failed',
      project: 'p',
      limit: 2,
    }))
      ids.push(id);
    expect(ids).toEqual(['a', 'b', 'c']);
    const asked = '/nexus/runs?window_days=30&kind=pack&status=failed&project=p&limit=2';
    expect(gateway.requests.map(({ path }) => path)).toEqual([asked, `${asked}&cursor=n`]);
    await client.nexus.query('docs', { query: 'x' }, { correlationId: 'study', traceparent: '00-a-b-01' });
    expect(gateway.requests.at(-1)!.headers).toMatchObject({ 'x-correlation-id': 'study', traceparent: '00-a-b-01' });
  });
});

describe('ids', () => {
  it('have the form of their kind, and their affinity from the room', () => {
    expect(isRunId(newRunId()) && isStepId(newStepId())).toBe(true);
    expect(newEventId(1)).toMatch(/^00000000-0001-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(affinityOf({ tenant: 't', env: 'e', room: 'r' })).toBe(affinityOf({ tenant: 't', env: 'e', room: 'r' }));
    expect(affinityOf({ tenant: 't', env: 'e' })).toMatch(/^[0-9a-f]{8}$/);
    expect(newRunId('0a0b0c0d', 255)).toMatch(/^run_0000000000ff0a0b0c0d[0-9a-f]{12}$/);
  });
});

it('takes what it is not told from the environment', () => {
  expect(
    readEnvironment({ RUNSPINE_ADDRESS: 'http://a', RUNSPINE_TENANT: '', RUNSPINE_TRACKING: 'off' }),
  ).toMatchObject({ address: 'http://a', tenant: undefined, tracking: 'off' });
});
