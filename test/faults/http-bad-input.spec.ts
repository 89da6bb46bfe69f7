import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ERRORS } from '@runspine/contracts';
import fc from 'fast-check';
import type { Answer, HttpClient } from '../stack/http-client.js';
import { startStack, type Stack } from '../stack/stack.js';

/*
 * Bad input over HTTP, on the whole system: an error of the registry, never a 500, and nothing of it in the log.
 */

let stack: Stack;
let http: HttpClient;
/** A run and its step, of the tenant who asks. */
let run: string;
let step: string;
/** Another tenant's. */
let theirRun: string;
let theirStep: string;
let theirCursor: string;
let theirEvent: string;
let runsCursor: string;

beforeAll(async () => {
  stack = await startStack({ gateways: 1 });
  http = stack.http();
  const them = http.with({ 'x-tenant-id': 'them' });
  run = (await http.post('/v1/runs', { name: 'ours' })).body.run_id;
  await http.post('/v1/runs', { name: 'ours, too' });
  step = (await http.post(`/v1/runs/${run}/steps`, { name: 'one' })).body.step_id;
  theirRun = (await them.post('/v1/runs', { name: 'theirs', room_id: 'theirs' })).body.run_id;
  await them.post('/v1/runs', { name: 'theirs, too' });
  theirStep = (await them.post(`/v1/runs/${theirRun}/steps`, { name: 'one' })).body.step_id;
  theirEvent = (await them.get(`/v1/runs/${theirRun}/events`)).body.items[0].event_id;
  theirCursor = (await them.get('/v1/runs?limit=1')).body.next_cursor;
  runsCursor = (await http.get('/v1/runs?limit=1')).body.next_cursor;
});
afterAll(() => stack.close());

type Case = [what: string, status: number, code: string, send: () => Promise<Answer>];
const post = (path: () => string, body: unknown, headers?: Record<string, string>) => () =>
  http.post(path(), body, headers);
const get = (path: () => string) => () => http.get(path());
const runs = () => '/v1/runs';
const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

describe.each<Case>([
  ['a body that is not JSON', 400, 'request.malformed', post(runs, '{"name":')],
  ['a body that is not UTF-8', 400, 'request.malformed', post(runs, Buffer.from('{"name":"\xff"}', 'latin1'))],
  ['a body of 2 MB', 413, 'request.too_large', post(runs, { input: 'x'.repeat(2_000_000) })],
  ['an event of 300 kB', 413, 'event.too_large', post(runs, { input: 'x'.repeat(300_000) })],
  ['a body that is no object', 400, 'request.invalid', post(runs, '[1,2]')],
  ['a field of another type', 400, 'request.invalid', post(runs, { name: 42 })],
  ['an optional field that is null', 400, 'request.invalid', post(runs, { room_id: null })],
  ['a NUL in a string', 400, 'request.invalid', post(runs, '{"name":"a\\u0000"}')],
  ['a lone surrogate', 400, 'request.invalid', post(runs, '{"input":["\\udc00"]}')],
  ['a number that no double holds', 400, 'request.invalid', post(runs, '{"input":1e999}')],
  ['JSON that nests 5,000 deep', 400, 'request.invalid', post(runs, `{"input":${deep(5000)}}`)],
  ['a time of the year 9999', 400, 'request.invalid', post(runs, { time: '9999-12-31T23:59:59Z' })],
  ['a run id of another form', 400, 'request.invalid', post(runs, { run_id: "run_'; --" })],
  ['a run id from the future', 400, 'request.invalid', post(runs, { run_id: `run_${'f'.repeat(32)}` })],
  ['an event id that is none', 400, 'request.invalid', post(runs, { event_id: 'first' })],
  ['another content type', 415, 'request.unsupported_media_type', post(runs, 'a=b', { 'content-type': 'text/plain' })],
  ['a tenant with a slash', 400, 'request.invalid', post(runs, {}, { 'x-tenant-id': 'default/x' })],
  ['a tenant with quotes', 400, 'request.invalid', post(runs, {}, { 'x-tenant-id': `'"` })],
  ['an env in capitals', 400, 'request.invalid', post(runs, {}, { 'x-env': 'PROD' })],
  ['an idempotency key with spaces', 400, 'request.invalid', post(runs, {}, { 'idempotency-key': 'a b' })],
  ['an endless idempotency key', 400, 'request.invalid', post(runs, {}, { 'idempotency-key': 'k'.repeat(256) })],
  ['a version that is no number', 400, 'request.invalid', post(() => `/v1/runs/${run}/start`, {}, { 'if-match': 'x' })],
  ['a run id with a quote', 400, 'request.invalid', get(() => `/v1/runs/${run}'`)],
  ['a run id with a slash', 400, 'request.invalid', get(() => `/v1/runs/${run.slice(0, 20)}%2F${run.slice(21)}`)],
  ['a run id with a NUL', 400, 'request.invalid', get(() => `/v1/runs/${run.slice(0, 35)}%00`)],
  ['a path that cannot be decoded', 400, 'request.malformed', get(() => '/v1/runs/%E0%A4%A')],
  ["another tenant's run", 404, 'run.not_found', get(() => `/v1/runs/${theirRun}`)],
  ["another tenant's run, to start", 404, 'run.not_found', post(() => `/v1/runs/${theirRun}/start`, {})],
  ["another tenant's run, to stream", 404, 'run.not_found', get(() => `/v1/runs/${theirRun}/stream`)],
  ["another tenant's step", 404, 'step.not_found', post(() => `/v1/runs/${run}/steps/${theirStep}/start`, {})],
  ["another tenant's event", 404, 'event.not_recorded', get(() => `/v1/events/${theirEvent}`)],
  ["another tenant's cursor", 400, 'cursor.invalid', get(() => `/v1/runs?limit=1&cursor=${theirCursor}`)],
  ["another list's cursor", 400, 'cursor.invalid', get(() => `/v1/rejections?cursor=${runsCursor}`)],
  ['a cursor of other filters', 400, 'cursor.invalid', get(() => `/v1/runs?status=failed&cursor=${runsCursor}`)],
  ['a cursor that was changed', 400, 'cursor.invalid', get(() => `/v1/runs?cursor=${runsCursor.slice(0, -2)}AA`)],
  ['a cursor that is none', 400, 'cursor.invalid', get(() => '/v1/runs?cursor=x%27')],
  ['a cursor with a NUL', 400, 'request.invalid', get(() => '/v1/runs?cursor=%00')],
  ['a limit of 0', 400, 'request.invalid', get(() => '/v1/runs?limit=0')],
  ['a limit that is no number', 400, 'request.invalid', get(() => '/v1/runs?limit=all')],
  ['a status that is none', 400, 'request.invalid', get(() => "/v1/runs?status=x'")],
  ['a time that is none', 400, 'request.invalid', get(() => '/v1/runs?since=yesterday')],
  ['a filter given twice', 400, 'request.invalid', get(() => '/v1/runs?status=failed&status=created')],
  ['a room with a quote, to stream', 400, 'request.invalid', get(() => "/v1/streams/rooms/a'b")],
  ['a position that is no number', 400, 'request.invalid', get(() => `/v1/streams/rooms/a?after=x`)],
  ['a position past the end', 400, 'stream.position_invalid', get(() => `/v1/streams/rooms/a?after=7`)],
  ['a ticket that is none', 401, 'auth.ticket_invalid', get(() => '/v1/streams/rooms/a?ticket=x')],
  [
    'a fingerprint that nobody executed',
    404,
    'checkpoint.not_found',
    get(() => `/v1/checkpoints/sha256:${'0'.repeat(64)}`),
  ],
  ['an address that is none', 404, 'request.not_found', get(() => '/v1/nothing')],
  ['a method that is none', 405, 'request.method_not_allowed', () => http.send('DELETE', `/v1/runs/${run}`, undefined)],
  ['an event id with a quote', 400, 'request.invalid', get(() => "/v1/events/'")],
  ['a batch without events', 400, 'request.invalid', post(() => `/v1/runs/${run}/events`, { events: [] })],
  [
    'a batch of 1,001 events',
    400,
    'request.invalid',
    post(() => `/v1/runs/${run}/events`, { events: Array(1001).fill({ type: 'run.heartbeat', data: {} }) }),
  ],
  [
    'a batch with one wrong event',
    400,
    'request.invalid',
    post(() => `/v1/runs/${run}/events`, {
      events: [
        { type: 'run.started', data: {} },
        { type: 'run.exploded', data: {} },
      ],
    }),
  ],
  [
    "a batch to another tenant's run",
    404,
    'run.not_found',
    post(() => `/v1/runs/${theirRun}/events`, { events: [{ type: 'run.started', data: {} }] }),
  ],
])('%s', (_what, status, code, send) => {
  it(`is ${status} ${code}, in the one shape of errors`, async () => {
    const answer = await send();
    expect({ status: answer.status, code: answer.body?.error?.code }).toEqual({ status, code });
    expectErrorShape(answer);
  });
});

it('none of it changed anything: the runs are as they were', async () => {
  await stack.caughtUp();
  expect(await stack.database.count('run_events')).toBe(6);
  expect(await stack.read('deadLetter')).toEqual([]);
  expect((await http.get(`/v1/runs/${run}`)).body).toMatchObject({ status: 'created', version: 2 });
  expect((await http.get(`/v1/runs/${run}/steps`)).body.items).toMatchObject([{ step_id: step, status: 'pending' }]);
});

describe('anything at all', () => {
  const part = fc.oneof(
    fc.constantFrom('v1', 'runs', 'events', 'steps', 'streams', 'rooms', 'state', 'start', 'checkpoints', 'rejections'),
    fc.constantFrom(
      '..',
      '%00',
      '%2e%2e',
      '%ff',
      "'",
      '"',
      'run_',
      '__proto__',
      'constructor',
      '*',
      ';',
      '%F0%9F%98%80',
    ),
    fc.string({ unit: 'binary-ascii', maxLength: 40 }).map(encodeURIComponent),
  );
  const path = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => `/${parts.join('/')}`);
  const query = fc.array(
    fc.tuple(fc.constantFrom('limit', 'cursor', 'status', 'tag', 'at', 'after', 'step', 'x'), part),
    {
      maxLength: 3,
    },
  );
  const body = fc.oneof(fc.json({ maxDepth: 4 }), fc.string(), fc.constant('{"name":"\\u0000"}'));

  it('as an address is answered without a 5xx', async () => {
    const requests = fc.tuple(path, query);
    await fc.assert(
      fc.asyncProperty(requests, async ([at, parameters]) => {
        const text = parameters.map(([name, value]) => `${name}=${value}`).join('&');
        // Streams that open are ended with their request.
        const answer = await fetch(`${stack.gateways[0]!.address}${at}?${text}`, { signal: AbortSignal.timeout(5000) });
        await answer.body?.cancel();
        expect(answer.status).toBeLessThan(500);
      }),
      { numRuns: 150 },
    );
  });

  it('as a body is answered without a 5xx, and what is taken is applied', async () => {
    const paths = fc.constantFrom('', '/start', '/complete', '/fail', '/annotate', '/steps', '/events', '/heartbeat');
    await fc.assert(
      fc.asyncProperty(paths, body, async (action, sent) => {
        const answer = await http.post(action === '' ? '/v1/runs' : `/v1/runs/${run}${action}`, sent);
        expect(answer.status).toBeLessThan(500);
        expect(answer.status).not.toBe(202);
        if (answer.status >= 400) expectErrorShape(answer);
      }),
      { numRuns: 150 },
    );
    await stack.caughtUp();
    expect(await stack.read('deadLetter')).toEqual([]);
  });
});

function expectErrorShape({ body, headers }: Answer): void {
  const { error } = body;
  expect(Object.keys(error).sort()).toEqual(['code', 'details', 'message', 'request_id', 'retryable']);
  expect(Object.keys(ERRORS)).toContain(error.code);
  expect(error.request_id).toBe(headers.get('x-request-id'));
}
