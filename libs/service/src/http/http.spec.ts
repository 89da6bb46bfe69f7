import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { BadRequestException, HttpException, NotFoundException } from '@nestjs/common';
import { ServiceError } from '@runspine/contracts';
import { currentContext } from '@runspine/request-context';
import { fastify, type FastifyInstance } from 'fastify';
import { Health } from '../health.js';
import { createLogger } from '../logging.js';
import { Metrics } from '../metrics.js';
import { sendError, sendServiceError } from './error-answer.js';
import { httpFaultOf } from './fault-of.js';
import { addRequestHooks } from './request-hooks.js';
import { serverOptions } from './server-options.js';
import { ServiceController } from './service.controller.js';

const BODY_BYTES_MAX = 100;

describe('a server with our options and hooks', () => {
  const lines: Record<string, unknown>[] = [];
  let health: Health;
  let metrics: Metrics;
  let server: FastifyInstance;

  beforeAll(() => {
    health = new Health();
    metrics = new Metrics('test', false);
    const destination = { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) };
    const logger = createLogger('test', { logLevel: 'debug', instance: 'here' }, { destination });
    server = fastify(serverOptions({ arrivalMs: 1000, bodyBytesMax: BODY_BYTES_MAX }));
    addRequestHooks(server, { health, metrics, logger });
    server.setErrorHandler((error, _request, reply) => {
      sendServiceError(reply, httpFaultOf(error, BODY_BYTES_MAX) ?? new ServiceError('service.internal'));
    });
    const controller = new ServiceController(health, metrics);
    server.get('/health/ready', (_request, reply) => controller.ready(reply));
    server.get('/metrics', (_request, reply) => controller.text(reply));
    server.get('/things/:id', () => ({ context: currentContext() }));
    server.post('/things', () => ({}));
    server.get('/busy', (_request, reply) => sendError(reply, 'service.draining', 'Later.', { why: 'test' }));
  });
  beforeEach(() => {
    lines.length = 0;
  });
  afterAll(() => server.close());

  it('gives a request its id, or keeps the one it came with, in its context and its answer', async () => {
    const named = await server.inject({ url: '/things/1', headers: { 'x-request-id': 'mine-1' } });
    const unnamed = await server.inject('/things/1');

    expect(named.json()).toEqual({ context: { requestId: 'mine-1' } });
    expect(named.headers['x-request-id']).toBe('mine-1');
    expect(unnamed.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('answers its own errors in the shape of every error', async () => {
    const payload = { text: 'x'.repeat(BODY_BYTES_MAX) };
    const tooLarge = await server.inject({ method: 'POST', url: '/things', payload });
    const unreadable = await server.inject({ url: '/things/%zz', headers: { 'x-request-id': 'mine-2' } });

    expect(tooLarge.statusCode).toBe(413);
    expect(tooLarge.json()).toMatchObject({ error: { code: 'request.too_large', details: { bytes_max: 100 } } });
    expect(tooLarge.headers.connection).not.toBe('close');
    expect(unreadable.json()).toMatchObject({ error: { code: 'request.malformed', request_id: 'mine-2' } });
    expect(unreadable.headers['x-request-id']).toBe('mine-2');
  });

  it('says with 503 when to come again', async () => {
    const busy = await server.inject({ url: '/busy', headers: { 'x-request-id': 'mine-3' } });

    expect([busy.statusCode, busy.headers['retry-after']]).toEqual([503, '1']);
    expect(busy.json()).toEqual({
      error: {
        code: 'service.draining',
        message: 'Later.',
        retryable: true,
        details: { why: 'test' },
        request_id: 'mine-3',
      },
    });
  });

  it('measures answers by the route, not the address, and logs each at level debug', async () => {
    await server.inject({ url: '/things/7', headers: { 'x-request-id': 'mine-4' } });

    const { body, headers } = await server.inject('/metrics');
    expect(headers['content-type']).toContain('text/plain');
    expect(body).toMatch(/_count\{.*method="GET",route="\/things\/:id",status="200"\} \d/);
    expect(body).not.toContain('/things/7');
    expect(lines[0]).toMatchObject({ msg: 'answered', request_id: 'mine-4', route: '/things/:id', status: 200 });
  });

  it('is unready with 503, and not to be cached', async () => {
    health.add('kafka', () => ({ ok: false, detail: 'away' }));
    const unready = await server.inject('/health/ready');
    health.remove('kafka');

    expect([unready.statusCode, unready.headers['cache-control']]).toEqual([503, 'no-store']);
    expect(unready.json()).toEqual({ status: 'unready', checks: { kafka: { ok: false, detail: 'away' } } });
    expect((await server.inject('/health/ready')).json()).toEqual({ status: 'ok', checks: {} });
  });

  it('turns requests away while it drains, all but those about itself', async () => {
    health.beginDraining();

    const away = await server.inject('/things/1');
    expect([away.statusCode, away.headers.connection]).toEqual([503, 'close']);
    expect(away.json()).toMatchObject({ error: { code: 'service.draining' } });
    expect((await server.inject('/metrics')).statusCode).toBe(200);
    expect((await server.inject('/health/ready')).json()).toMatchObject({ checks: { draining: { ok: false } } });
  });
});

it.each([
  [new NotFoundException(), 'request.not_found'],
  [new BadRequestException(), 'request.malformed'],
  [new HttpException('', 405), 'request.method_not_allowed'],
  [new HttpException('', 418), 'request.malformed'],
  [Object.assign(new Error(), { code: 'FST_ERR_CTP_INVALID_MEDIA_TYPE' }), 'request.unsupported_media_type'],
  [Object.assign(new Error(), { code: 'FST_ERR_MAX_PARAM_LENGTH' }), 'request.invalid'],
  [Object.assign(new Error(), { statusCode: 408 }), 'request.timeout'],
  [new ServiceError('auth.forbidden'), 'auth.forbidden'],
])('takes %s for %s', (thrown, code) => expect(httpFaultOf(thrown, 1)?.code).toBe(code));

it.each([
  new Error('a bug'),
  new HttpException('', 500),
  Object.assign(new Error(), { statusCode: 500 }),
  'text',
  null,
])('takes %s for a bug', (thrown) => expect(httpFaultOf(thrown, 1)).toBeUndefined());
