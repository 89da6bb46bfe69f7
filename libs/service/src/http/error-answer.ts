import { ERRORS, type ErrorCode, type ErrorBody, type ServiceError } from '@runspine/contracts';
import type { FastifyReply } from 'fastify';

/** Seconds after which a retryable refusal is worth another try. */
const RETRY_AFTER_S = 1;

/** Sends an error of the registry in the one shape that all errors have; 503 says when to come again. */
export function sendError(
  reply: FastifyReply,
  code: ErrorCode,
  message: string,
  details: Record<string, unknown> = {},
): void {
  const { status } = ERRORS[code];
  reply.code(status).header('content-type', 'application/json; charset=utf-8');
  // Fastify would close the connection on whoever still sends, and their system would drop the answer unread (EPIPE). What
  // is left of the body is read and forgotten, within the time that a request has to arrive.
  if (status === 413) reply.removeHeader('connection');
  if (status === 503) reply.header('retry-after', String(RETRY_AFTER_S));
  reply.send(errorText(code, message, details, reply.request.id));
}

/** {@link sendError} of a thrown one. */
export function sendServiceError(reply: FastifyReply, error: ServiceError): void {
  sendError(reply, error.code, error.message, error.details);
}

/** The body of an error answer. */
export function errorText(
  code: ErrorCode,
  message: string,
  details: Record<string, unknown>,
  requestId: string,
): string {
  const body: ErrorBody = {
    error: { code, message, retryable: ERRORS[code].retryable, details, request_id: requestId },
  };
  return JSON.stringify(body);
}
