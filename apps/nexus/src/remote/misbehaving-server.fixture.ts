import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as the server got it. */
export interface Seen {
  readonly atMs: number;
  readonly authorization: string | undefined;
  readonly body: Record<string, unknown>;
}

/** What the server does with one request. */
export type Behaviour = (request: Seen, reply: ServerResponse) => void;

/** A real HTTP server that answers the first requests as it is told, then the last way for ever. */
export class MisbehavingServer {
  readonly seen: Seen[] = [];
  private behaviours: Behaviour[] = [];
  private readonly server = createServer((request, reply) => void this.handle(request, reply));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** From now on: the first request as the first says, and so on. */
  behave(...behaviours: Behaviour[]): void {
    this.behaviours = behaviours;
    this.seen.length = 0;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async handle(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const seen = {
      atMs: performance.now(),
      authorization: request.headers.authorization,
      body: JSON.parse(text) as Record<string, unknown>,
    };
    const behaviour = this.behaviours[Math.min(this.seen.length, this.behaviours.length - 1)];
    this.seen.push(seen);
    behaviour?.(seen, reply);
  }
}

export const refuses =
  (status: number, headers: Record<string, string> = {}): Behaviour =>
  (_request, reply) =>
    void reply.writeHead(status, headers).end('{"error":"no, and here is your key: sk-secret"}');

export const saysNothing: Behaviour = () => undefined;

export const cutsOff: Behaviour = (_request, reply) => {
  reply.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  reply.write('{"data": [');
  setTimeout(() => reply.destroy(), 20);
};

export const isNotJson: Behaviour = (_request, reply) => void reply.writeHead(200).end('<html>welcome</html>');

export const answers =
  (make: (body: Record<string, unknown>) => unknown): Behaviour =>
  ({ body }, reply) =>
    void reply.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(make(body)));
