import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newRunId, newStepId, ERRORS, type ErrorCode } from '@runspine/contracts';
import fc from 'fast-check';
import { type RunningGateway, runGateway, untilReady } from '../running-gateway.fixture.js';

const RUN = newRunId('0123abcd');
const STEP = newStepId();
const JSON_TYPE = { 'content-type': 'application/json' };
const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

interface Hostile {
  name: string;
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  code: ErrorCode;
  /** The path of a fault that must be named. */
  fault?: string;
}

const create = (name: string, body: unknown, fault: string, code: ErrorCode = 'request.invalid'): Hostile => ({
  name,
  body: JSON.stringify(body),
  code,
  fault,
});
const batch = (name: string, events: unknown, fault: string): Hostile => ({
  name: `batch: ${name}`,
  path: `/v1/runs/${RUN}/events`,
  body: JSON.stringify({ events }),
  code: 'request.invalid',
  fault,
});
const header = (headerName: string, value: string): Hostile => ({
  name: `header ${headerName}: ${value}`,
  headers: { ...JSON_TYPE, [headerName]: value },
  body: '{}',
  code: 'request.invalid',
  fault: headerName,
});

const HOSTILE: Hostile[] = [
  { name: 'malformed JSON', body: '{"name":', code: 'request.malformed' },
  { name: 'not UTF-8', body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), code: 'request.malformed' },
  {
    name: 'another media type',
    headers: { 'content-type': 'text/plain' },
    body: 'x',
    code: 'request.unsupported_media_type',
  },
  { name: 'XML', headers: { 'content-type': 'application/xml' }, body: '<a/>', code: 'request.unsupported_media_type' },
  { name: 'a body of 2 MB', body: JSON.stringify({ name: 'x'.repeat(2_000_000) }), code: 'request.too_large' },
  { name: 'data of 300 KiB', body: JSON.stringify({ input: 'x'.repeat(300 * 1024) }), code: 'event.too_large' },
  { name: 'numbers that grow', body: JSON.stringify({ input: Array(14_000).fill(1e20) }), code: 'event.too_large' },
  { name: 'an array', body: '[]', code: 'request.invalid', fault: '/' },
  { name: 'null', body: 'null', code: 'request.invalid', fault: '/name', path: `/v1/runs/${RUN}/steps` },
  { name: 'a string', body: '"x"', code: 'request.invalid', fault: '/' },
  { name: 'too deep', body: `{"input":${deep(100)}}`, code: 'request.invalid' },
  { name: 'far too deep', body: `{"input":${deep(200_000)}}`, code: 'request.invalid' },
  { name: 'a number beyond a double', body: '{"input":1e999}', code: 'request.invalid', fault: '/input' },
  { name: 'NUL in a value', body: '{"name":"a\\u0000b"}', code: 'request.invalid', fault: '/name' },
  {
    name: 'NUL deep inside',
    body: '{"input":{"a":[{"b":"\\u0000"}]}}',
    code: 'request.invalid',
    fault: '/input/a/0/b',
  },
  { name: 'NUL in a key', body: '{"input":{"a\\u0000":1}}', code: 'request.invalid', fault: '/input' },
  { name: 'a lone surrogate', body: '{"name":"\\ud800"}', code: 'request.invalid', fault: '/name' },
  create('a wrong type', { name: 5 }, '/name'),
  create('wrong tags', { tags: { a: 1 } }, '/tags/a'),
  create('a room in capitals', { room_id: 'Lobby' }, '/room_id'),
  create('a run id with a quote', { run_id: `run_'; DROP TABLE runs` }, '/run_id'),
  create('an affinity that is not the room’s', { run_id: RUN, room_id: 'lobby' }, '/run_id'),
  create(
    'a run id of the year 9999',
    { run_id: `run_${(253370764800000).toString(16).padStart(12, '0')}${'0'.repeat(20)}` },
    '/run_id',
  ),
  create('a time of the year 9999', { time: '9999-01-01T00:00:00Z' }, '/time'),
  create('a time that is none', { time: 'yesterday' }, '/time'),
  create('an event id that is none', { event_id: 'x' }, '/event_id'),
  create('a correlation id with spaces', { correlation_id: 'a b' }, '/correlation_id'),
  header('Idempotency-Key', 'a b'),
  header('Idempotency-Key', 'k'.repeat(256)),
  header('If-Match', '5'),
  header('If-Match', 'W/"5"'),
  header('If-Match', '"5", "6"'),
  header('If-Match', '"-1"'),
  header('X-Tenant-Id', "t'; --"),
  header('X-Tenant-Id', 'a/b'),
  header('X-Env', 'PROD'),
  header('X-Roles', 'root'),
  header('X-Correlation-Id', 'a b'),
  header('X-Causation-Id', 'c'.repeat(200)),
  {
    name: 'a caller without the role',
    headers: { ...JSON_TYPE, 'X-Roles': 'reader' },
    body: '{}',
    code: 'auth.forbidden',
  },
  { name: 'erasing as a writer', path: `/v1/runs/${RUN}/erase`, body: '{"reason":"x"}', code: 'auth.forbidden' },
  {
    name: 'erasing as a writer, among other events',
    path: `/v1/runs/${RUN}/events`,
    body: '{"events":[{"type":"run.started","data":{}},{"type":"run.erased","data":{"reason":"x"}}]}',
    code: 'auth.forbidden',
  },
  { name: 'a quote in a path', path: `/v1/runs/run_'/start`, code: 'request.invalid', fault: 'runId' },
  { name: 'a slash in an id', path: `/v1/runs/run_%2f..%2f/start`, code: 'request.invalid', fault: 'runId' },
  { name: 'NUL in a path', path: `/v1/runs/%00/start`, code: 'request.invalid', fault: 'runId' },
  { name: 'an endless id', path: `/v1/runs/${'a'.repeat(6000)}/start`, code: 'request.invalid' },
  { name: 'a malformed escape', path: '/v1/runs/%zz/start', code: 'request.malformed' },
  { name: 'an escape that is not UTF-8', path: '/v1/runs/%ff%fe/start', code: 'request.malformed' },
  { name: 'a wrong step id', path: `/v1/runs/${RUN}/steps/nope/start`, code: 'request.invalid', fault: 'stepId' },
  {
    name: 'another run in the body',
    path: `/v1/runs/${RUN}/start`,
    body: `{"run_id":"${newRunId('00000000')}"}`,
    code: 'request.invalid',
    fault: '/run_id',
  },
  {
    name: 'another step in the body',
    path: `/v1/runs/${RUN}/steps/${STEP}/start`,
    body: `{"step_id":"${newStepId()}"}`,
    code: 'request.invalid',
    fault: '/step_id',
  },
  { name: 'a step without a name', path: `/v1/runs/${RUN}/steps`, body: '{}', code: 'request.invalid', fault: '/name' },
  {
    name: 'a failure without an error',
    path: `/v1/runs/${RUN}/fail`,
    body: '{}',
    code: 'request.invalid',
    fault: '/error',
  },
  { name: 'an unknown address', path: '/v1/nothing', code: 'request.not_found' },
  { name: 'an address above', path: '/v1/../../etc/passwd', code: 'request.not_found' },
  { name: 'a wrong method', method: 'DELETE', path: '/v1/runs', code: 'request.method_not_allowed' },
  {
    name: 'a method that nobody uses',
    method: 'PUT',
    path: `/v1/runs/${RUN}/start`,
    code: 'request.method_not_allowed',
  },
  batch('no events', [], '/events'),
  batch('an unknown type', [{ type: 'run.vanished', data: {} }], '/events/0/type'),
  batch('data that is no object', [{ type: 'run.started', data: 5 }], '/events/0/data'),
  batch(
    'a wrong field',
    [
      { type: 'run.started', data: {} },
      { type: 'step.created', data: { step_id: STEP } },
    ],
    '/events/1/data/name',
  ),
  batch('another run', [{ type: 'run.started', data: { run_id: newRunId('00000000') } }], '/events/0/data/run_id'),
  batch('a wrong time', [{ type: 'run.started', data: {}, time: '9999-01-01T00:00:00Z' }], '/events/0/time'),
  batch('a wrong id', [{ type: 'run.started', data: {}, id: 'x' }], '/events/0/id'),
  batch('too many', Array(1001).fill({ type: 'run.heartbeat', data: {} }), '/events'),
  batch('a lone surrogate', [{ type: 'run.annotated', data: { tags: { a: '\ud800' } } }], '/events/0/data/tags/a'),
  {
    name: 'a batch without events',
    path: `/v1/runs/${RUN}/events`,
    body: '{}',
    code: 'request.invalid',
    fault: '/events',
  },
  {
    name: 'a batch for nobody',
    path: `/v1/runs/${RUN}/events`,
    body: '{"events":[{"type":"run.started","data":{}}]}',
    code: 'run.not_found',
  },
  {
    name: 'a batch with If-Match',
    path: `/v1/runs/${RUN}/events`,
    headers: { ...JSON_TYPE, 'If-Match': '"1"' },
    body: '{"events":[{"type":"run.started","data":{}}]}',
    code: 'request.invalid',
    fault: 'If-Match',
  },
];

describe('hostile requests to a running gateway (real Kafka and PostgreSQL, no projector)', () => {
  let gateway: RunningGateway;

  beforeAll(async () => {
    gateway = await runGateway(process.env, { RUNSPINE_WAIT_MS: '100' });
    await untilReady(gateway);
  });
  afterAll(() => gateway.remove());

  it.each(HOSTILE.map((hostile) => [hostile.name, hostile] as const))('%s', async (_name, hostile) => {
    const { method = 'POST', path = '/v1/runs', headers = JSON_TYPE, body } = hostile;
    const answer = await fetch(`${gateway.address}${path}`, { method, headers: { ...headers }, body: body ?? null });
    const { error } = (await answer.json()) as { error: Record<string, unknown> };

    expect({ code: error.code, status: answer.status }).toEqual({
      code: hostile.code,
      status: ERRORS[hostile.code].status,
    });
    expect(error).toEqual({
      code: hostile.code,
      message: expect.any(String),
      retryable: ERRORS[hostile.code].retryable,
      details: expect.any(Object),
      request_id: answer.headers.get('x-request-id'),
    });
    if (hostile.fault !== undefined) {
      const { faults } = error.details as { faults: { path: string }[] };
      expect(faults.map(({ path: at }) => at)).toContain(hostile.fault);
    }
  });

  it('takes keys as data, whatever their names', async () => {
    const body =
      '{"input":{"__proto__":{"x":1},"constructor":{"prototype":2}},"__proto__":{"y":1},"metadata":{"toString":1}}';
    const headers = { ...JSON_TYPE, 'Idempotency-Key': 'proto', Prefer: 'respond-async' };
    const answer = await fetch(`${gateway.address}/v1/runs`, { method: 'POST', headers, body });

    expect(answer.status).toBe(202);
    expect(({} as Record<string, unknown>).y).toBeUndefined();
  });

  it('never answers 500 to any JSON at all, and logs no failure', async () => {
    const paths = ['/v1/runs', `/v1/runs/${RUN}/complete`, `/v1/runs/${RUN}/steps`, `/v1/runs/${RUN}/events`];
    const field = fc.constantFrom(
      'name',
      'room_id',
      'tags',
      'input',
      'error',
      'events',
      'event_id',
      'run_id',
      'time',
      '__proto__',
    );
    const body = fc.oneof(
      fc.jsonValue({ maxDepth: 4 }),
      fc.dictionary(field, fc.jsonValue({ maxDepth: 3 })),
      fc.record({
        events: fc.array(fc.record({ type: fc.constantFrom('run.started', 'step.created', ''), data: fc.jsonValue() })),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), body, async (path, value) => {
        const headers = { ...JSON_TYPE, Prefer: 'respond-async', 'Idempotency-Key': 'fuzz' };
        const answer = await fetch(`${gateway.address}${path}`, {
          method: 'POST',
          headers,
          body: JSON.stringify(value),
        });
        await answer.arrayBuffer();
        expect(answer.status).toBeLessThan(500);
      }),
      { numRuns: 300 },
    );
    expect(gateway.log.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
