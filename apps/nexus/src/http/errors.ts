import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject, Injectable } from '@nestjs/common';
import { type ErrorBody, type ErrorCode, ERRORS, ServiceError } from '@runspine/contracts';
import type { Logger } from '@runspine/service';
import type { FastifyReply } from 'fastify';
import { storeFault } from '../spaces/store-fault.js';
import { LOGGER } from './tokens.js';

const CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'request.too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'request.unsupported_media_type',
  FST_ERR_CTP_INVALID_JSON_BODY: 'request.malformed',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'request.malformed',
  FST_ERR_NOT_FOUND: 'request.not_found',
};
const RETRY_AFTER_S = 1;

/** The only place where what was thrown becomes an HTTP answer, in the shape that the gateway's errors have. */
@Injectable()
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const { request } = reply;
    if (reply.raw.destroyed || reply.sent) return;
    const fault = faultOf(thrown);
    if (fault) return sendError(reply, fault);
    const ofStore = storeFault(thrown);
    if (ofStore) {
      this.logger.warn({ err: thrown, request_id: request.id }, 'the store of a space does not answer');
      return sendError(reply, ofStore);
    }
    this.logger.error({ err: thrown, request_id: request.id, route: request.routeOptions.url }, 'request failed');
    sendError(reply, new ServiceError('service.internal', 'A fault of ours; the log has it under this request_id.'));
  }
}

/** Sends an error of the registry. */
export function sendError(reply: FastifyReply, { code, message, details }: ServiceError): void {
  const { status, retryable } = ERRORS[code];
  const body: ErrorBody = { error: { code, message, retryable, details, request_id: reply.request.id } };
  reply.code(status).header('content-type', 'application/json; charset=utf-8');
  // Else Fastify closes the connection on whoever still sends, and the answer is lost to them.
  if (status === 413) reply.removeHeader('connection');
  if (status === 503) reply.header('retry-after', String(RETRY_AFTER_S));
  reply.send(JSON.stringify(body));
}

/** Whatever was thrown, as an error of the registry; undefined for a bug. */
export function faultOf(thrown: unknown): ServiceError | undefined {
  if (thrown instanceof ServiceError) return thrown;
  if (!(thrown instanceof Error)) return undefined;
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown };
  const known = typeof code === 'string' ? CODES[code] : undefined;
  if (known) return new ServiceError(known);
  const status = thrown instanceof HttpException ? thrown.getStatus() : statusCode;
  if (typeof status !== 'number' || status < 400 || status >= 500) return undefined;
  return new ServiceError(status === 404 ? 'request.not_found' : 'request.malformed');
}
