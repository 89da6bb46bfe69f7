import { invalidRequest, ServiceError } from '@runspine/contracts';
import { runInContext } from '@runspine/request-context';
import type { FastifyInstance } from 'fastify';
import type { Health } from '../health.js';
import type { Logger } from '../logging.js';
import type { Metrics } from '../metrics.js';
import { HttpMetrics } from './http-metrics.js';

/** Answered while the process drains, too. */
const WHILE_DRAINING = /^\/(health|metrics)/;
/** The one expectation that there is. Node has met it, wherever it stands, before anybody sees the request. */
const CONTINUE = /\b100-continue\b/i;

/** What the hooks tell of requests, and ask. */
export interface HookParts {
  readonly health: Health;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/**
 * What happens to every request: it gets its id and its context, is turned away while the process drains or when it
 * expects what nobody knows, and is measured once it is answered. Lines of access are at level debug: at thousands of
 * requests a second they are a load.
 */
export function addRequestHooks(fastify: FastifyInstance, { health, metrics, logger }: HookParts): void {
  const measured = new HttpMetrics(metrics);
  // By itself Node answers 417 without a word.
  fastify.server.on('checkExpectation', (request, response) => fastify.server.emit('request', request, response));
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    if (health.draining && !WHILE_DRAINING.test(request.url)) {
      reply.header('connection', 'close');
      return done(new ServiceError('service.draining'));
    }
    const { expect } = request.headers;
    if (expect !== undefined && !CONTINUE.test(expect)) {
      return done(invalidRequest([{ path: 'Expect', message: 'may be 100-continue only' }]));
    }
    runInContext({ requestId: request.id }, done);
  });
  const debug = logger.isLevelEnabled('debug');
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? '(none)';
    measured.answered(request.method, route, reply.statusCode, reply.elapsedTime);
    if (debug) {
      const { method, id } = request;
      const durationMs = Math.round(reply.elapsedTime * 10) / 10;
      logger.debug({ request_id: id, method, route, status: reply.statusCode, duration_ms: durationMs }, 'answered');
    }
    done();
  });
}
