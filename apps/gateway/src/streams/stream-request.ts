import { invalidRequest, type StreamQuery } from '@runspine/contracts';
import type { Scope, StreamTarget } from '@runspine/projections';
import { type Authenticator, currentContext, requireRole } from '@runspine/request-context';
import type { FastifyRequest } from 'fastify';
import type { Tickets } from './tickets.js';

/** Who may read which streams: the caller with the role reader, or the holder of the stream's ticket. */
export class StreamAccess {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly tickets: Tickets,
  ) {}

  async scopeOf(
    request: FastifyRequest,
    query: StreamQuery,
    target: Pick<StreamTarget, 'kind' | 'id'>,
  ): Promise<Scope> {
    if (query.ticket !== undefined) return this.tickets.redeem(query.ticket, target);
    const { headers, raw } = request;
    const identity = await this.authenticator.identify({ headers, remoteAddress: raw.socket.remoteAddress });
    const context = currentContext();
    if (context) context.identity = identity;
    requireRole(identity, 'reader');
    return identity;
  }
}

/**
 * The sequence after which a reader wants events; undefined: from now. A reader that comes back by itself repeats its
 * address and adds Last-Event-ID: the header is the later word.
 */
export function positionOf(request: FastifyRequest, query: StreamQuery): number | undefined {
  const header = request.headers['last-event-id'];
  if (header === undefined || header === '') return query.after;
  if (typeof header !== 'string' || !/^\d{1,15}$/.test(header)) {
    throw invalidRequest([{ path: 'Last-Event-ID', message: 'must be a sequence, as the stream sent it' }]);
  }
  return Number(header);
}
