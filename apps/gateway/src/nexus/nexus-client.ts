import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ServiceError } from '@runspine/contracts';
import type { Logger } from '@runspine/service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Pool } from 'undici';
import type { GatewaySettings } from '../config.js';
import { LOGGER, SETTINGS } from '../tokens.js';

/** What nexus needs to know of the caller; it checks it again itself. */
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
/** A connection that nexus closed while a request was on its way to it; the request is safe to repeat. */
const CUT_OFF = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);
const CONNECT_MS_MAX = 2000;

/** A request as it goes to nexus. */
export interface NexusRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** JSON text. */
  readonly body?: string;
}

/** Nexus's answer, its body as it came. */
export interface NexusResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Passes requests on to the nexus service, over connections that are kept. */
@Injectable()
export class NexusClient implements OnApplicationShutdown {
  private readonly pool: Pool;
  private readonly prefix: string;
  private underWay = 0;

  constructor(
    @Inject(SETTINGS) private readonly settings: GatewaySettings,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const { origin, pathname } = new URL(settings.nexusUrl);
    this.prefix = pathname.replace(/\/$/, '');
    this.pool = new Pool(origin, {
      connections: settings.nexusConnectionsMax,
      pipelining: 1,
      connect: { timeout: CONNECT_MS_MAX },
      // One clock for the whole answer, below, in the place of undici's for parts of it.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /**
   * Nexus's answer to a request in its caller's name; undefined once the caller is gone, which gives the request up.
   * @throws ServiceError `nexus.unavailable`
   */
  async ask(caller: FastifyRequest, reply: FastifyReply, request: NexusRequest): Promise<NexusResponse | undefined> {
    if (this.underWay >= this.settings.nexusRequestsMax) {
      throw new ServiceError('nexus.unavailable', 'As many requests to nexus are under way as may be.');
    }
    const giveUp = new AbortController();
    const late = setTimeout(() => giveUp.abort(), this.settings.nexusAnswerMs);
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
      this.logger.warn(
        { err: error, request_id: caller.id, timed_out: giveUp.signal.aborted },
        'nexus does not answer',
      );
      throw new ServiceError('nexus.unavailable', undefined, {}, { cause: error });
    } finally {
      this.underWay -= 1;
      clearTimeout(late);
      reply.raw.removeListener('close', leave);
    }
  }

  /** After the last request was answered. */
  onApplicationShutdown(): Promise<void> {
    return this.pool.destroy();
  }

  private async send(
    request: NexusRequest & { headers: Record<string, string> },
    signal: AbortSignal,
  ): Promise<NexusResponse> {
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

/** Sends nexus's answer on as it is, errors as well: they have the shape of ours, with this request's id. */
export function passOn(reply: FastifyReply, { status, headers, body }: NexusResponse): void {
  reply.code(status).header('content-type', headers['content-type'] ?? 'application/json; charset=utf-8');
  const retryAfter = headers['retry-after'];
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  reply.send(body);
}

function headersOf(caller: FastifyRequest, request: NexusRequest): Record<string, string> {
  const headers: Record<string, string> = { 'x-request-id': caller.id };
  for (const name of PASSED_ON) {
    const value = caller.headers[name];
    if (value !== undefined) headers[name] = String(value);
  }
  if (request.body !== undefined) headers['content-type'] = 'application/json';
  return headers;
}
