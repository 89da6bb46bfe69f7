import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** How a gateway behaves: as it should, or in a way that a client has to bear. */
export type Behaviour = 'well' | 'hangs' | 'nonsense' | 'html' | 'unavailable' | 'cuts' | 'denies' | 'store-away';

export interface TakenEvent {
  id: string;
  type: string;
  time?: string;
  data: Record<string, unknown>;
}

export interface SeenRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

type Handler = (request: SeenRequest, response: ServerResponse) => boolean | void;

/** A real HTTP server in the place of a gateway: takes batches as it does, by event id, and misbehaves when told. */
export class GatewayFixture {
  behaviour: Behaviour = 'well';
  /** Answers before anything else where it gives true. */
  handler: Handler | undefined;
  /** Every event once, in the order of the first time it came. */
  readonly events: TakenEvent[] = [];
  readonly requests: SeenRequest[] = [];
  /** How often an event came that was there. */
  repeats = 0;
  delayMs = 0;
  private readonly ids = new Set<string>();
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;
  private port = 0;

  static async start(): Promise<GatewayFixture> {
    const gateway = new GatewayFixture();
    await gateway.listen();
    return gateway;
  }

  get address(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Begins to listen, on the same port as before. */
  async listen(): Promise<void> {
    const server = createServer((request, response) => void this.answer(request, response));
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
  }

  /** Dies: connections are cut, and nobody listens. */
  async die(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    for (const socket of this.sockets) socket.destroy();
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  typesOf(runId: string): string[] {
    return this.events.filter(({ data }) => data.run_id === runId).map(({ type }) => type);
  }

  get runIds(): string[] {
    return [...new Set(this.events.map(({ data }) => String(data.run_id)))];
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const seen = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
    this.requests.push(seen);
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (this.handler?.(seen, response)) return;
    if (this.misbehaves(seen, response)) return;
    if (/^\/v1\/runs\/[^/]+\/events$/.test(seen.path)) return this.take(seen, response);
    fail(response, 404, 'request.not_found');
  }

  private misbehaves({ headers, path }: SeenRequest, response: ServerResponse): boolean {
    switch (this.behaviour) {
      case 'well':
        return false;
      case 'hangs':
        return true;
      case 'cuts':
        response.socket?.destroy();
        return true;
      case 'nonsense':
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"results":[{"outcome":"maybe"}]}');
        return true;
      case 'html':
        response.writeHead(400, { 'content-type': 'text/html' }).end('<h1>It works!</h1>');
        return true;
      case 'unavailable':
        fail(response, 503, 'event_spine.unavailable', { 'retry-after': '0' });
        return true;
      case 'denies':
        fail(response, 403, 'auth.forbidden');
        return true;
      case 'store-away':
        if (path.endsWith('/events') && headers.prefer === 'respond-async') return false;
        fail(response, 503, 'store.unavailable');
        return true;
    }
  }

  private take({ body }: SeenRequest, response: ServerResponse): void {
    const { events } = JSON.parse(body) as { events: TakenEvent[] };
    const results = events.map((event) => {
      if (this.ids.has(event.id)) this.repeats++;
      else this.events.push(event);
      this.ids.add(event.id);
      return { event_id: event.id, outcome: 'applied', run_sequence: 1 };
    });
    json(response, 200, { results });
  }
}

export function json(response: ServerResponse, status: number, body: unknown, headers = {}): true {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  return true;
}

export function fail(response: ServerResponse, status: number, code: string, headers = {}, details = {}): true {
  const retryable = status >= 500 || status === 429 || code === 'event.not_recorded';
  return json(response, status, { error: { code, message: code, retryable, details, request_id: 'req-1' } }, headers);
}
