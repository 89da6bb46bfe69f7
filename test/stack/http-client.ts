import { EventStream } from './event-stream.js';

/** An answer, its body parsed where it is JSON. */
export interface Answer {
  status: number;
  headers: Headers;
  body: Body;
  text: string;
}

/** Any JSON: its shape is what the tests are about. */
export type Body = ReturnType<typeof JSON.parse>;

/** A caller of the HTTP API: one tenant, one gateway. */
export class HttpClient {
  constructor(
    private readonly address: () => string,
    private readonly headers: Record<string, string> = {},
  ) {}

  /** The same caller with more headers, such as `x-tenant-id`. */
  with(headers: Record<string, string>): HttpClient {
    return new HttpClient(this.address, { ...this.headers, ...headers });
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send('GET', path, undefined, headers);
  }

  /** Posts JSON; a string or bytes go as they are. */
  post(path: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<Answer> {
    const raw = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
    return this.send('POST', path, raw, { 'content-type': 'application/json', ...headers });
  }

  async send(
    method: string,
    path: string,
    body: string | Uint8Array | undefined,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(`${this.address()}${path}`, {
      method,
      headers: { ...this.headers, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') && text !== '' && !text.includes('\n{');
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
  }

  stream(path: string, headers: Record<string, string> = {}): Promise<EventStream> {
    return EventStream.open(`${this.address()}${path}`, { ...this.headers, ...headers });
  }
}
