import type { IncomingMessage } from 'node:http';
import { ServiceError } from '@runspine/contracts';
import { requestIdOf } from '@runspine/request-context';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendServiceError } from './error-answer.js';
import { httpFaultOf } from './fault-of.js';

/** Longest parameter of a path that is looked at, in characters. */
const PARAM_LENGTH_MAX = 4096;

/** What a server of ours is bounded by. */
export interface ServerBounds {
  /** How long a request may take to arrive whole, milliseconds. */
  readonly arrivalMs: number;
  /** Largest body, bytes, where a route says nothing else. */
  readonly bodyBytesMax: number;
}

/** The options of Fastify that every HTTP API of ours has: its own errors have our shape, and the request its id. */
export function serverOptions({ arrivalMs, bodyBytesMax }: ServerBounds) {
  return {
    bodyLimit: bodyBytesMax,
    requestTimeout: arrivalMs,
    forceCloseConnections: 'idle' as const,
    return503OnClosing: false,
    // No middleware is used, and its plugin would be on the way of every request.
    skipMiddie: true,
    genReqId: (request: IncomingMessage) => requestIdOf(request.headers),
    /** Errors of the router, before any hook ran. */
    frameworkErrors: (error: Error, _request: FastifyRequest, reply: FastifyReply) => {
      reply.header('x-request-id', reply.request.id);
      sendServiceError(reply, httpFaultOf(error, bodyBytesMax) ?? new ServiceError('request.malformed'));
    },
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
  };
}
