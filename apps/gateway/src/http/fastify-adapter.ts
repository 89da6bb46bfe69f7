import { FastifyAdapter } from '@nestjs/platform-fastify';
import { BODY_BYTES_MAX, type ErrorCode, ERRORS, ServiceError } from '@runspine/contracts';
import { requestIdOf } from '@runspine/request-context';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { errorText, sendServiceError } from './error-answer.js';
import { faultOf } from './fault-of.js';

/** How long a request may take to arrive whole, milliseconds. */
const ARRIVAL_MS_MAX = 30_000;

/** Nest's adapter over a Fastify whose own errors have our shape. */
export function makeAdapter(): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: ARRIVAL_MS_MAX,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    // No middleware is used, and its plugin would be on the way of every request.
    skipMiddie: true,
    genReqId: (request: IncomingMessage) => requestIdOf(request.headers),
    frameworkErrors: answerRouterError,
    clientErrorHandler: answerClientError,
    routerOptions: { maxParamLength: 4096 },
  });
}

/** Errors of the router, before any hook ran. */
function answerRouterError(error: Error, _request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', reply.request.id);
  sendServiceError(reply, faultOf(error) ?? new ServiceError('request.malformed'));
}

/** What is not HTTP, or did not arrive in time: there is no request to answer, only a socket. */
function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (!socket.writable) return void socket.destroy();
  const code: ErrorCode = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request.timeout' : 'request.malformed';
  const message = code === 'request.malformed' ? 'The request is not readable HTTP.' : ERRORS[code].meaning;
  const body = errorText(code, message, {}, randomUUID());
  const { status } = ERRORS[code];
  socket.end(
    `HTTP/1.1 ${status} ${status === 408 ? 'Request Timeout' : 'Bad Request'}\r\nconnection: close\r\n` +
      `content-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
