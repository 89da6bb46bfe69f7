import { FastifyAdapter } from '@nestjs/platform-fastify';
import { BODY_BYTES_MAX } from '@runspine/contracts';
import { serverOptions } from '@runspine/service/http';
import type { Socket } from 'node:net';
import { refuseSocket } from './socket-answer.js';
import type { Uploads } from './uploads.js';

/** How often Node looks for requests that are late; an eighth of their time where that is less. */
const LOOK_MS_MAX = 5000;

/** Nest's adapter over a Fastify whose own errors have our shape. A request has `arrivalMs` to arrive whole. */
export function makeAdapter(arrivalMs: number, uploads: Uploads): FastifyAdapter {
  return new FastifyAdapter({
    ...serverOptions({ arrivalMs, bodyBytesMax: BODY_BYTES_MAX }),
    http: { connectionsCheckingInterval: Math.min(LOOK_MS_MAX, arrivalMs / 8), headersTimeout: arrivalMs },
    clientErrorHandler: (error: Error & { code?: string }, socket: Socket) => answerClientError(uploads, error, socket),
  });
}

/** What is not HTTP, or did not arrive in time: there is no request to answer, only a socket. */
function answerClientError(uploads: Uploads, error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (error.code !== 'ERR_HTTP_REQUEST_TIMEOUT') {
    return refuseSocket(socket, 'request.malformed', 'The request is not readable HTTP.');
  }
  if (!uploads.outlives(socket)) refuseSocket(socket, 'request.timeout');
}
