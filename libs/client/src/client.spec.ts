import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createClient } from './client.js';
import { ClientFixture, RUN } from './client.fixture.js';
import { isRunspineError, RunspineError } from './errors.js';
import { fail, json, type SeenRequest } from './gateway.fixture.js';

let at: ClientFixture;

beforeEach(async () => {
  at = await ClientFixture.start();
});

afterEach(() => at.gateway.die());

describe('requests', () => {
  it('say who asks, and read the answer', async () => {
    at.answer((response) => json(response, 200, { run_id: RUN }));
    expect(await at.client.runs.get(RUN)).toEqual({ run_id: RUN });

    const [{ path, headers }] = at.gateway.requests as [SeenRequest];
    expect(path).toBe(`/v1/runs/${RUN}`);
    expect(headers).toMatchObject({
      'x-tenant-id': 'acme',
      'x-env': 'default',
      'x-roles': 'reader',
      authorization: 'Bearer t0ken',
    });
  });

  it('try again what may pass, a write with the same idempotency key each time', async () => {
    at.answer(
      (response) => fail(response, 503, 'event_spine.unavailable', { 'retry-after': '0' }),
      (response) => response.socket?.destroy(),
      (response) => response.writeHead(502).end('<html>'),
      (response) => json(response, 201, { run_id: RUN, status: 'created' }),
    );
    expect(await at.client.runs.create({ name: 'x' })).toMatchObject({ status: 'created' });

    const keys = at.gateway.requests.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toHaveLength(4);
    expect(new Set(keys).size).toBe(1);
    await at.client.runs.create({});
    expect(at.gateway.requests.at(-1)!.headers['idempotency-key']).not.toBe(keys[0]);
  });

  it('wait as long as Retry-After asks, in seconds or as a date, and give up where it is too long', async () => {
    at.answer(
      (response) => fail(response, 429, 'x.busy', { 'retry-after': '1' }),
      (response) => fail(response, 503, 'x.busy', { 'retry-after': new Date(Date.now() + 100).toUTCString() }),
      (response) => json(response, 200, {}),
    );
    const beganMs = Date.now();
    await at.client.runs.get(RUN);
    expect(Date.now() - beganMs).toBeGreaterThan(950);
    at.answer((response) => fail(response, 503, 'x.busy', { 'retry-after': '3600' }));
    await expect(at.client.runs.get(RUN)).rejects.toMatchObject({ code: 'x.busy', retryAfterMs: 3_600_000 });
    expect(at.gateway.requests).toHaveLength(4);
  });

  it('throw what the gateway says, with code, status, request id and details', async () => {
    at.answer((response) => fail(response, 409, 'run.invalid_transition', {}, { current: 'completed' }));
    const error = await at.client.runs
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
    expect(at.gateway.requests).toHaveLength(1);
    expect(at.gateway.requests[0]!.headers).toMatchObject({
      'if-match': '"3"',
      'x-correlation-id': 'c',
      'x-causation-id': 'd',
      traceparent: 't',
    });
  });

  it('name what never was an answer: nobody there, too late, nonsense', async () => {
    at.answer((response) => response.writeHead(200).end('Hello'));
    await expect(at.client.runs.get(RUN, { retries: 0 })).rejects.toMatchObject({
      code: 'client.bad_answer',
      retryable: true,
    });
    at.answer((response) => json(response, 200, [1]));
    await expect(at.client.runs.get(RUN)).rejects.toMatchObject({ code: 'client.bad_answer' });
    at.answer((response) => json(response, 404, { error: 'x' }));
    await expect(at.client.runs.get(RUN)).rejects.toMatchObject({ code: 'client.bad_answer', status: 404 });
    at.gateway.handler = () => true;
    await expect(at.client.runs.get(RUN, { timeoutMs: 50, retries: 1 })).rejects.toMatchObject({
      code: 'client.timeout',
      status: 0,
    });
    await at.gateway.die();
    await expect(at.client.runs.get(RUN, { retries: 0 })).rejects.toMatchObject({
      code: 'client.unreachable',
      retryable: true,
    });
  });

  it('end when their signal aborts, with its reason, also between two tries', async () => {
    at.gateway.handler = () => true;
    const reason = new Error('enough');
    const controller = new AbortController();
    const call = at.client.runs.get(RUN, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 30);
    await expect(call).rejects.toBe(reason);
    await expect(at.client.runs.get(RUN, { signal: controller.signal })).rejects.toBe(reason);
    at.answer((response) => fail(response, 503, 'x', { 'retry-after': '2' }));
    const waiting = new AbortController();
    const retried = at.client.runs.get(RUN, { signal: waiting.signal });
    setTimeout(() => waiting.abort('no reason'), 50);
    await expect(retried).rejects.toBe('no reason');
  });

  it('take a token from a function, and another fetch', async () => {
    const seen: unknown[] = [];
    const own = createClient({
      address: at.gateway.address,
      token: () => Promise.resolve('fresh'),
      fetch: (input, init) => {
        seen.push(init?.headers);
        return fetch(input, init);
      },
    });
    at.answer((response) => json(response, 200, {}));
    expect(await own.request('GET', '/v1/x', { query: { a: 1, b: undefined } })).toMatchObject({ status: 200 });

    expect(seen).toEqual([expect.objectContaining({ authorization: 'Bearer fresh' })]);
    expect(at.gateway.requests[0]!.path).toBe('/v1/x?a=1');
    expect(() => createClient({ address: 'ftp://x' })).toThrow('no http(s) address');
    expect(() => createClient({ address: 'nonsense' })).toThrow('nonsense');
  });
});

describe('routes', () => {
  it('are those of the API', async () => {
    at.gateway.handler = ({ path }, response) =>
      json(
        response,
        200,
        path.endsWith('/events') || path.includes('/events?')
          ? { results: [], items: [], next_cursor: null }
          : { items: [], next_cursor: null },
      );
    await at.client.runs.annotate(RUN, { tags: { a: 'b' } });
    await at.client.runs.erase(RUN, { reason: 'asked' });
    await at.client.steps.start(RUN, 's');
    await at.client.steps.fail(RUN, 's', { error: { message: 'x' } });
    await at.client.steps.skip(RUN, 's');
    expect(
      await at.client.runs.sendEvents(RUN, [{ type: 'run.started', data: {} }], { async: true, waitS: 1 }),
    ).toEqual([]);
    await at.client.runs.state(RUN, { at: 4 });
    await at.client.runs.checkpoint('sha256:a', { stage: 's' });
    await at.client.runs.list({ status: 'failed', limit: 3 }).page();
    await at.client.runs.events(RUN, { type: 'run.started' }).page('c');
    await at.client.correlated('corr').page();
    await at.client.rejections({ run_id: RUN }).page();
    await at.client.outcome('e');
    expect(at.gateway.requests.map(({ method, path }) => `${method} ${path.replaceAll(RUN, 'R')}`)).toEqual([
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
    expect(at.gateway.requests[5]!.headers.prefer).toBe('respond-async, wait=1');
    at.answer((response) => json(response, 200, {}));
    await expect(at.client.runs.sendEvents(RUN, [])).rejects.toMatchObject({ code: 'client.bad_answer' });
  });
});
