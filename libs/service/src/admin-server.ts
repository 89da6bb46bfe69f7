import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ERRORS, type ErrorCode, ServiceError } from '@runspine/contracts';
import type { Health } from './health.js';
import type { Logger } from './logging.js';
import type { Metrics } from './metrics.js';

export interface AdminServerOptions {
  /** Address to listen on. */
  host: string;
  /** Port; 0 takes a free one. */
  port: number;
  health: Health;
  metrics: Metrics;
  logger: Logger;
}

/** A request beyond health and metrics. */
export interface AdminRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly remoteAddress: string | undefined;
  /** The body as JSON; undefined without one. */
  readonly body: unknown;
  /** Aborted once the caller is gone. */
  readonly signal: AbortSignal;
}

/** Answers it; undefined: there is nothing at this address. What it throws becomes an error of the registry. */
export type AdminHandler = (request: AdminRequest) => Promise<{ status: number; body: unknown } | undefined>;

/** A server that listens. */
export interface AdminServer {
  /** `http://host:port`, with the port that was taken. */
  readonly address: string;
  /** Whom everything but health and metrics is asked of, from now on. */
  handle(handler: AdminHandler): void;
  close(): Promise<void>;
}

/** Largest body of a request, in bytes. */
const BODY_BYTES_MAX = 1024 * 1024;

/**
 * Serves `/health/live`, `/health/ready` (503 when unready) and `/metrics` for a service without an HTTP API of its
 * own, and logs `listening` with the address.
 * @throws the error of listen (EADDRINUSE, EACCES).
 */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  let handler: AdminHandler = async () => undefined;
  const server = createServer((request, response) => {
    answer(options, request, response, handler).catch((error: unknown) => {
      if (error instanceof ServiceError) return sendFault(response, error, requestId(request));
      options.logger.error({ err: error, path: request.url, request_id: requestId(request) }, 'admin request failed');
      sendError(response, 500, 'service.internal', 'A fault of ours; the log has it.');
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = addressOf(server.address() as AddressInfo);
  options.logger.info({ address }, 'listening');
  return {
    address,
    handle: (given) => {
      handler = given;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** `http://host:port` of a bound socket, IPv6 in brackets. */
export function addressOf(bound: AddressInfo): string {
  return `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
}

async function answer(
  { health, metrics }: AdminServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  handler: AdminHandler,
): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  const known = path === '/health/live' || path === '/health/ready' || path === '/metrics';
  if (!known) {
    const answered = await handler(await adminRequest(path, request, response));
    if (answered) return sendJson(response, answered.status, answered.body);
    return sendError(response, 404, 'request.not_found', 'There is /health/live, /health/ready and /metrics.');
  }
  request.resume();
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return sendError(response, 405, 'request.method_not_allowed', 'This address is read with GET.');
  }
  if (path === '/health/live') return sendJson(response, 200, health.live());
  if (path === '/health/ready') {
    const readiness = await health.ready();
    return sendJson(response, readiness.status === 'ok' ? 200 : 503, readiness);
  }
  send(response, 200, metrics.contentType, await metrics.text());
}

async function adminRequest(path: string, request: IncomingMessage, response: ServerResponse): Promise<AdminRequest> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return {
    method: request.method ?? 'GET',
    path,
    query: new URL(request.url ?? '/', 'http://admin').searchParams,
    headers: request.headers,
    remoteAddress: request.socket.remoteAddress,
    body: await jsonBody(request),
    signal: gone.signal,
  };
}

async function jsonBody(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > BODY_BYTES_MAX) throw new ServiceError('request.too_large', undefined, { bytes_max: BODY_BYTES_MAX });
    parts.push(part);
  }
  if (bytes === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8')) as unknown;
  } catch (error) {
    throw new ServiceError('request.malformed', undefined, {}, { cause: error });
  }
}

function requestId(request: IncomingMessage): string {
  const id = request.headers['x-request-id'];
  return typeof id === 'string' ? id.slice(0, 128) : '';
}

function sendFault(response: ServerResponse, error: ServiceError, id: string): void {
  const { code, message, details } = error;
  const { status, retryable } = ERRORS[code];
  sendJson(response, status, { error: { code, message, retryable, details, request_id: id } });
}

function sendError(response: ServerResponse, status: number, code: ErrorCode, message: string): void {
  const retryable = status >= 500;
  sendJson(response, status, { error: { code, message, retryable, details: {}, request_id: '' } });
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, 'application/json; charset=utf-8', JSON.stringify(body));
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(body);
}
