import { ServiceError } from '@runspine/contracts';
import { runInContext } from '@runspine/request-context';
import type { Health, Logger } from '@runspine/service';
import type { FastifyInstance } from 'fastify';
import type { HttpMetrics } from './http-metrics.js';

/** Answered while the gateway drains, too. */
const WHILE_DRAINING = /^\/(health|metrics)/;

/**
 * What happens to every request: it gets its id and its context, is turned away while the gateway drains, and is
 * measured once it is answered. Lines of access are at level debug: at thousands of requests a second they are a load.
 */
export function addRequestHooks(fastify: FastifyInstance, health: Health, metrics: HttpMetrics, logger: Logger): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    if (health.draining && !WHILE_DRAINING.test(request.url)) {
      reply.header('connection', 'close');
      return done(new ServiceError('service.draining'));
    }
    runInContext({ requestId: request.id }, done);
  });
  const debug = logger.isLevelEnabled('debug');
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? '(none)';
    metrics.answered(request.method, route, reply.statusCode, reply.elapsedTime);
    if (debug) {
      const { method, id } = request;
      const durationMs = Math.round(reply.elapsedTime * 10) / 10;
      logger.debug({ request_id: id, method, route, status: reply.statusCode, duration_ms: durationMs }, 'answered');
    }
    done();
  });
}
