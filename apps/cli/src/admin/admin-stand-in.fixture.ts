import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as it arrived. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Record<string, string>;
  readonly body: unknown;
}

export type Answer = { readonly status?: number; readonly body: unknown };

/**
 * Stands in for the gateway's admin endpoints: answers what it is told, and keeps what it was asked. No gateway: it shows
 * what the commands send and how they show what comes back.
 */
export class AdminStandIn {
  readonly asked: Asked[] = [];
  private readonly answers = new Map<string, Answer[]>();
  private readonly server = createServer((request, response) => {
    void this.take(request).then(({ status = 200, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
  });

  /** What a route answers, one after another; the last of them from then on. */
  on(route: string, ...answers: Answer[]): this {
    this.answers.set(route, answers);
    return this;
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url!, 'http://stand-in');
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    const query = Object.fromEntries(url.searchParams);
    this.asked.push({ method: request.method!, path: url.pathname, query, body });
    const answers = this.answers.get(`${request.method} ${url.pathname}`);
    const error = { code: 'request.not_found', message: 'There is no such route.', retryable: false, details: {} };
    if (!answers) return { status: 404, body: { error } };
    return answers.length > 1 ? answers.shift()! : answers[0]!;
  }
}
