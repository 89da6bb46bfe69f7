import { connect, type Socket } from 'node:net';

export interface Request {
  method: string;
  path: string;
  body?: string;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  headers: string;
  body: string;
}

/** A kept-alive connection that sends one request at a time: as light as a client can be on a shared machine. */
export class Connection {
  private readonly socket: Socket;
  private buffered = '';
  private waiting: ((answer: Answer) => void) | undefined;
  private failed: ((error: Error) => void) | undefined;

  private readonly address: URL;

  constructor(address: URL) {
    this.address = address;
    this.socket = connect(Number(address.port), address.hostname);
    this.socket.setNoDelay(true);
    this.socket.setEncoding('latin1');
    this.socket.on('data', (chunk: string) => this.read(chunk));
    this.socket.on('error', (error) => this.failed?.(error));
    this.socket.on('close', () => this.failed?.(new Error('the connection was closed')));
  }

  send({ method, path, body = '', headers = {} }: Request): Promise<Answer> {
    const lines = [`${method} ${path} HTTP/1.1`, `host: ${this.address.host}`];
    for (const name in headers) lines.push(`${name}: ${headers[name]}`);
    if (body) lines.push('content-type: application/json');
    if (method !== 'GET') lines.push(`content-length: ${Buffer.byteLength(body)}`);
    return new Promise((resolve, reject) => {
      this.waiting = resolve;
      this.failed = reject;
      this.socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
    });
  }

  close(): void {
    this.failed = undefined;
    this.socket.destroy();
  }

  private read(chunk: string): void {
    this.buffered += chunk;
    const end = this.buffered.indexOf('\r\n\r\n');
    if (end < 0) return;
    const headers = this.buffered.slice(0, end);
    const length = Number(/content-length: (\d+)/i.exec(headers)?.[1] ?? 0);
    if (this.buffered.length < end + 4 + length) return;
    const answer = {
      status: Number(headers.slice(9, 12)),
      headers,
      body: this.buffered.slice(end + 4, end + 4 + length),
    };
    this.buffered = this.buffered.slice(end + 4 + length);
    const resolve = this.waiting;
    this.waiting = undefined;
    resolve?.(answer);
  }
}

/** Before anything is counted, of ours and of the limits alike. */
const WARM_UP_MS = 3000;
export const WARM_UP_ROUNDS = 500;

export interface LoadResult {
  /** Done units a second. */
  rate: number;
  /** Of one call, milliseconds. */
  p50: number;
  p99: number;
}

/**
 * Runs `worker` on each of `connections` for `seconds` after some of warming up: the first thousands of requests of a
 * process run code that is not compiled yet. A worker makes one call and
 * tells how many units it stands for.
 */
export async function load(
  address: string,
  connections: number,
  seconds: number,
  worker: (connection: Connection, index: number) => Promise<number>,
): Promise<LoadResult> {
  const open = Array.from({ length: connections }, () => new Connection(new URL(address)));
  const fromMs = performance.now() + WARM_UP_MS;
  const untilMs = fromMs + 1000 * seconds;
  const times: number[] = [];
  let units = 0;
  await Promise.all(
    open.map(async (connection, index) => {
      for (let nowMs = performance.now(); nowMs < untilMs;) {
        const done = await worker(connection, index);
        const thenMs = nowMs;
        nowMs = performance.now();
        if (thenMs < fromMs || nowMs > untilMs) continue;
        units += done;
        times.push(nowMs - thenMs);
      }
    }),
  );
  for (const connection of open) connection.close();
  return { rate: units / seconds, ...percentiles(times) };
}

/** Median and 99th percentile. */
export function percentiles(times: number[]): { p50: number; p99: number } {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

/** Throws unless the status is one of those. */
export function expectStatus(answer: Answer, ...statuses: number[]): Answer {
  if (!statuses.includes(answer.status)) throw new Error(`answered ${answer.status}: ${answer.body.slice(0, 500)}`);
  return answer;
}
