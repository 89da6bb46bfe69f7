import { type ErrorCode, ServiceError } from '@runspine/contracts';
import type { Logger } from '@runspine/service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Pool } from 'undici';

/** What another service needs to know of the caller; it checks it again itself. */
const PASSED_ON = [
  'authorization',
  'x-tenant-id',
  'x-env',
  'x-project-id',
  'x-surface-id',
  'x-roles',
  'x-correlation-id',
  'traceparent',
] as const;
/** A connection that the service closed while a request was on its way to it; the request is safe to repeat. */
const CUT_OFF = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);
const CONNECT_MS_MAX = 2000;

/** A request as it goes to another service. */
export interface PassedRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** JSON text. */
  readonly body?: string;
}

/** Its answer, the body as it came. */
export interface PassedResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface PassedServiceOptions {
  /** Its name, for the log. */
  readonly name: string;
  readonly url: string;
  /** How long it may take for a whole answer, milliseconds. */
  readonly answerMs: number;
  readonly connectionsMax: number;
  /** Requests that may be under way or wait for a connection. */
  readonly requestsMax: number;
  /** What callers are told when it does not answer. */
  readonly unavailable: ErrorCode;
  readonly logger: Logger;
}

/** Passes requests on to another service of ours, over connections that are kept. */
export class PassedService {
  private readonly pool: Pool;
  private readonly prefix: string;
  private underWay = 0;

  constructor(private readonly options: PassedServiceOptions) {
    const { origin, pathname } = new URL(options.url);
    this.prefix = pathname.replace(/\/$/, '');
    this.pool = new Pool(origin, {
      connections: options.connectionsMax,
      pipelining: 1,
      connect: { timeout: CONNECT_MS_MAX },
      // One clock for the whole answer, below, in the place of undici's for parts of it.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /**
   * The answer to a request in its caller's name; undefined once the caller is gone, which gives the request up.
   * @throws ServiceError with the code of `unavailable`
   */
  async ask(caller: FastifyRequest, reply: FastifyReply, request: PassedRequest): Promise<PassedResponse | undefined> {
    const { name, logger, unavailable } = this.options;
    if (this.underWay >= this.options.requestsMax) {
      throw new ServiceError(unavailable, `As many requests to ${name} are under way as may be.`);
    }
    const giveUp = new AbortController();
    const late = setTimeout(() => giveUp.abort(), this.options.answerMs);
    let gone = false;
    const leave = (): void => {
      gone = true;
      giveUp.abort();
    };
    reply.raw.once('close', leave);
    this.underWay += 1;
    try {
      return await this.send({ ...request, headers: headersOf(caller, request) }, giveUp.signal);
    } catch (error) {
      if (gone) return undefined;
      logger.warn({ err: error, request_id: caller.id, timed_out: giveUp.signal.aborted }, `${name} does not answer`);
      throw new ServiceError(unavailable, undefined, {}, { cause: error });
    } finally {
      this.underWay -= 1;
      clearTimeout(late);
      reply.raw.removeListener('close', leave);
    }
  }

  /** After the last request was answered. */
  close(): Promise<void> {
    return this.pool.destroy();
  }

  private async send(
    request: PassedRequest & { headers: Record<string, string> },
    signal: AbortSignal,
  ): Promise<PassedResponse> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { method, headers, body = null } = request;
        const answer = await this.pool.request({ method, path: this.prefix + request.path, headers, body, signal });
        const bytes = Buffer.from(await answer.body.arrayBuffer());
        return { status: answer.statusCode, headers: answer.headers, body: bytes };
      } catch (error) {
        const cut = CUT_OFF.has(String((error as { code?: unknown }).code));
        if (!cut || attempt > 1 || signal.aborted) throw error;
      }
    }
  }
}

/** Sends another service's answer on as it is, errors as well: they have the shape of ours, with this request's id. */
export function passOn(reply: FastifyReply, { status, headers, body }: PassedResponse): void {
  reply.code(status).header('content-type', headers['content-type'] ?? 'application/json; charset=utf-8');
  const retryAfter = headers['retry-after'];
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  reply.send(body);
}

function headersOf(caller: FastifyRequest, request: PassedRequest): Record<string, string> {
  const headers: Record<string, string> = { 'x-request-id': caller.id };
  for (const name of PASSED_ON) {
    const value = caller.headers[name];
    if (value !== undefined) headers[name] = String(value);
  }
  if (request.body !== undefined) headers['content-type'] = 'application/json';
  return headers;
}
