import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import type { EventResource } from '@runspine/contracts';

/** An event of a stream, as it came. */
export interface ReceivedEvent {
  id: number;
  event: string;
  data: EventResource;
}

/** Reads a stream as a browser would, and remembers all of it. */
export class StreamReader {
  readonly events: ReceivedEvent[] = [];
  readonly comments: string[] = [];
  /** True once the answer ended, properly or not. */
  closed = false;
  private rest = '';
  private readonly waiters = new Set<() => void>();

  private constructor(
    readonly status: number,
    readonly headers: IncomingMessage['headers'],
    private readonly request: ClientRequest,
    readonly response: IncomingMessage,
  ) {
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.take(text));
    response.on('close', () => {
      this.closed = true;
      this.wake();
    });
    response.on('error', () => undefined);
  }

  /** Resolves with the head of the answer, whatever its status. */
  static open(url: string, headers: Record<string, string> = {}): Promise<StreamReader> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(url, { headers, agent: false });
      request.on('response', (response) =>
        resolve(new StreamReader(response.statusCode!, response.headers, request, response)),
      );
      request.on('error', reject);
      request.end();
    });
  }

  get ids(): number[] {
    return this.events.map(({ id }) => id);
  }

  /** The body as JSON: an error's. */
  async body(): Promise<{ error: { code: string; details: Record<string, unknown> } }> {
    await this.until(() => this.closed);
    return JSON.parse(this.rest) as { error: { code: string; details: Record<string, unknown> } };
  }

  /** Waits for so many events, or for a condition; fails after `msMax`. */
  async until(wanted: number | (() => boolean), msMax = 10_000): Promise<void> {
    const reached = typeof wanted === 'number' ? () => this.events.length >= wanted : wanted;
    const deadline = Date.now() + msMax;
    while (!reached()) {
      if (Date.now() > deadline) throw new Error(`Waited ${msMax} ms; has ${this.ids.join(' ')}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        this.waiters.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  leave(): void {
    this.request.destroy();
  }

  private take(text: string): void {
    this.rest += text;
    for (let end = this.rest.indexOf('\n\n'); end >= 0; end = this.rest.indexOf('\n\n')) {
      this.takeFrame(this.rest.slice(0, end));
      this.rest = this.rest.slice(end + 2);
    }
    this.wake();
  }

  private takeFrame(frame: string): void {
    const lines = frame.split('\n').map((line) => {
      const colon = line.indexOf(': ');
      return [line.slice(0, colon), line.slice(colon + 2)] as const;
    });
    const fields = new Map(lines);
    if (!fields.has('data')) return void this.comments.push(frame);
    if (lines.length !== 3) throw new Error(`A frame of ${lines.length} lines`);
    const data = JSON.parse(fields.get('data')!) as EventResource;
    this.events.push({ id: Number(fields.get('id')), event: fields.get('event')!, data });
  }

  private wake(): void {
    for (const waiter of this.waiters) waiter();
    this.waiters.clear();
  }
}
