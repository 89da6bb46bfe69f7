import { ServiceError, type StreamTicket } from '@runspine/contracts';
import type { Scope, StreamTarget } from '@runspine/projections';
import type { Signer } from '@runspine/service';

/** How long a ticket opens its stream, milliseconds. */
const VALID_MS = 60_000;

/** Whose stream, and of what. */
type Ticketed = Scope & Pick<StreamTarget, 'kind' | 'id'>;

interface Payload extends Ticketed {
  /** Unix milliseconds. */
  expiresAt: number;
}

/** Tickets for readers that cannot send headers: each opens one stream, for a minute. */
export class Tickets {
  constructor(private readonly signer: Signer) {}

  issue({ tenantId, env, kind, id }: Ticketed, nowMs: number = Date.now()): StreamTicket {
    const expiresAt = nowMs + VALID_MS;
    const payload: Payload = { tenantId, env, kind, id, expiresAt };
    return { ticket: this.signer.seal(['ticket'], payload), expires_at: new Date(expiresAt).toISOString() };
  }

  /**
   * Whose stream a ticket opens.
   * @throws ServiceError `auth.ticket_invalid` for one that is expired, of another stream, or not ours.
   */
  redeem(ticket: string, target: Pick<StreamTarget, 'kind' | 'id'>, nowMs: number = Date.now()): Scope {
    const payload = this.signer.open(['ticket'], ticket) as Payload | undefined;
    if (!payload || payload.kind !== target.kind || payload.id !== target.id || payload.expiresAt <= nowMs) {
      throw new ServiceError('auth.ticket_invalid');
    }
    return { tenantId: payload.tenantId, env: payload.env };
  }
}
