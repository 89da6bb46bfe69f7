import { FastifyAdapter } from '@nestjs/platform-fastify';
import { BODY_BYTES_MAX, ServiceError } from '@runspine/contracts';
import { requestIdOf } from '@runspine/request-context';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { sendServiceError } from './error-answer.js';
import { faultOf } from './fault-of.js';
import { refuseSocket } from './socket-answer.js';
import type { Uploads } from './uploads.js';

/** How often Node looks for requests that are late; an eighth of their time where that is less. */
const LOOK_MS_MAX = 5000;

/** Nest's adapter over a Fastify whose own errors have our shape. A request has `arrivalMs` to arrive whole. */
export function makeAdapter(arrivalMs: number, uploads: Uploads): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: arrivalMs,
    http: { connectionsCheckingInterval: Math.min(LOOK_MS_MAX, arrivalMs / 8), headersTimeout: arrivalMs },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    // No middleware is used, and its plugin would be on the way of every request.
    skipMiddie: true,
    genReqId: (request: IncomingMessage) => requestIdOf(request.headers),
    frameworkErrors: answerRouterError,
    clientErrorHandler: (error: Error & { code?: string }, socket: Socket) => answerClientError(uploads, error, socket),
    routerOptions: { maxParamLength: 4096 },
  });
}

/** Errors of the router, before any hook ran. */
function answerRouterError(error: Error, _request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', reply.request.id);
  sendServiceError(reply, faultOf(error) ?? new ServiceError('request.malformed'));
}

/** What is not HTTP, or did not arrive in time: there is no request to answer, only a socket. */
function answerClientError(uploads: Uploads, error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (error.code !== 'ERR_HTTP_REQUEST_TIMEOUT') {
    return refuseSocket(socket, 'request.malformed', 'The request is not readable HTTP.');
  }
  if (!uploads.outlives(socket)) refuseSocket(socket, 'request.timeout');
}
