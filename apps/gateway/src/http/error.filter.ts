import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject, Injectable } from '@nestjs/common';
import { ServiceError } from '@runspine/contracts';
import type { Logger } from '@runspine/service';
import { sendError, sendServiceError } from '@runspine/service/http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LOGGER } from '../tokens.js';
import { faultOf } from './fault-of.js';
import { RouteTable } from './route-table.js';

/** The only place where what was thrown becomes an HTTP answer. What nobody expected is logged, and shows nothing. */
@Injectable()
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(RouteTable) private readonly routes: RouteTable,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const { request } = reply;
    if (reply.raw.headersSent) {
      this.logger.warn({ err: thrown, request_id: request.id, path: request.url }, 'failed after its answer began');
      reply.raw.destroy();
      return;
    }
    const fault = faultOf(thrown);
    if (!fault) {
      this.logger.error({ err: thrown, request_id: request.id, route: request.routeOptions.url }, 'request failed');
      return sendError(reply, 'service.internal', 'A fault of ours; the log has it under this request_id.');
    }
    if (fault.code === 'request.not_found' && thrown instanceof HttpException) return this.notFound(request, reply);
    if (fault.code === 'store.unavailable') {
      this.logger.warn({ err: fault.cause ?? fault, request_id: request.id }, 'PostgreSQL does not answer');
    }
    sendServiceError(reply, fault);
  }

  /** Nothing answers here, or nothing to this method. */
  private notFound(request: FastifyRequest, reply: FastifyReply): void {
    const allowed = this.routes.methodsAt(request.url);
    if (allowed.length === 0) return sendServiceError(reply, new ServiceError('request.not_found'));
    reply.header('allow', allowed.join(', '));
    sendServiceError(reply, new ServiceError('request.method_not_allowed', undefined, { allowed }));
  }
}
