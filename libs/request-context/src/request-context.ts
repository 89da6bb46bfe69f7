import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { Identity, RequestHeaders } from './identity.js';

/** What belongs to the request in hand, wherever the code is. */
export interface RequestContext {
  /** Goes back to the caller in `X-Request-Id` and in errors, and into every log line. */
  readonly requestId: string;
  /** Set once the caller is known. */
  identity?: Identity;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** Runs `work`, and all that it awaits, inside the context. */
export function runInContext<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work);
}

/** The context of the request in hand; undefined outside of one. */
export function currentContext(): RequestContext | undefined {
  return storage.getStore();
}

/** The caller's `X-Request-Id` where it is 1-128 printable characters without spaces, else a new UUID. */
export function requestIdOf(headers: RequestHeaders): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\x21-\x7e]{1,128}$/.test(given) ? given : randomUUID();
}

/** Fields of the request in hand for a log line: request_id, tenant_id, env, subject. Empty outside of one. */
export function requestLogFields(): Record<string, unknown> {
  const context = storage.getStore();
  if (!context) return {};
  const { requestId, identity } = context;
  if (!identity) return { request_id: requestId };
  return { request_id: requestId, tenant_id: identity.tenantId, env: identity.env, subject: identity.subject };
}
