import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ErrorCode } from '@runspine/contracts';
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

/** A server that listens. */
export interface AdminServer {
  /** `http://host:port`, with the port that was taken. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves `/health/live`, `/health/ready` (503 when unready) and `/metrics` for a service without an HTTP API of its
 * own, and logs `listening` with the address.
 * @throws the error of listen (EADDRINUSE, EACCES).
 */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const server = createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      options.logger.error({ err: error, path: request.url }, 'admin request failed');
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
): Promise<void> {
  request.resume();
  const path = (request.url ?? '/').split('?', 1)[0];
  const known = path === '/health/live' || path === '/health/ready' || path === '/metrics';
  if (!known)
    return sendError(response, 404, 'request.not_found', 'There is /health/live, /health/ready and /metrics.');
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
