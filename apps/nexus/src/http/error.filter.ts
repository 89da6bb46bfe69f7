import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Injectable } from '@nestjs/common';
import type { Logger } from '@runspine/service';
import { httpFaultOf, sendError, sendServiceError } from '@runspine/service/http';
import type { FastifyReply } from 'fastify';
import { storeFault } from '../spaces/store-fault.js';
import { BODY_BYTES_MAX } from './server.js';
import { LOGGER } from './tokens.js';

/** The only place where what was thrown becomes an HTTP answer, in the shape that the gateway's errors have. */
@Injectable()
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const { request } = reply;
    if (reply.raw.destroyed || reply.sent) return;
    const fault = httpFaultOf(thrown, BODY_BYTES_MAX);
    if (fault) return sendServiceError(reply, fault);
    const ofStore = storeFault(thrown);
    if (ofStore) {
      this.logger.warn({ err: thrown, request_id: request.id }, 'the store of a space does not answer');
      return sendServiceError(reply, ofStore);
    }
    this.logger.error({ err: thrown, request_id: request.id, route: request.routeOptions.url }, 'request failed');
    sendError(reply, 'service.internal', 'A fault of ours; the log has it under this request_id.');
  }
}
