import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ServiceError } from '@runspine/contracts';
import { requestIdOf, runInContext } from '@runspine/request-context';
import { DURATION_BUCKETS_S, type Health, type Metrics } from '@runspine/service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { faultOf, sendError } from './errors.js';

const ARRIVAL_MS_MAX = 30_000;
/** A query with a long vector and filter. */
const BODY_BYTES_MAX = 2 * 1024 * 1024;
const WHILE_DRAINING = /^\/(health|metrics)/;

/** Nest's adapter over a Fastify whose own errors have our shape. */
export function makeAdapter(): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: ARRIVAL_MS_MAX,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    skipMiddie: true,
    genReqId: (request: IncomingMessage) => requestIdOf(request.headers),
    frameworkErrors: (error: Error, _request: FastifyRequest, reply: FastifyReply) =>
      sendError(reply, faultOf(error) ?? new ServiceError('request.malformed')),
    routerOptions: { maxParamLength: 4096 },
  });
}

/** What happens to every request: its id and context, its refusal while the process drains, its measure. */
export function addRequestHooks(adapter: FastifyAdapter, health: Health, metrics: Metrics): void {
  const fastify = adapter.getInstance();
  const seconds = metrics.histogram({
    name: 'runspine_http_request_duration_seconds',
    help: 'Time from a request to its answer, by route and status.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: DURATION_BUCKETS_S,
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    if (health.draining && !WHILE_DRAINING.test(request.url)) {
      reply.header('connection', 'close');
      return done(new ServiceError('service.draining'));
    }
    runInContext({ requestId: request.id }, done);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const { method } = request;
    const route = request.routeOptions.url ?? '(none)';
    seconds.observe({ method, route, status: String(reply.statusCode) }, reply.elapsedTime / 1000);
    done();
  });
}
