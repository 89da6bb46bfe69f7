import { randomUUID } from 'node:crypto';
import { errorOfAnswer, isRunspineError, RunspineError } from '../errors.js';
import { jitterMs, pause, type Retries } from './backoff.js';

/** What a caller may say of one request. */
export interface CallOptions {
  /** Ends the request, and its retries; the call throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Milliseconds that one try may take. @default the client's */
  readonly timeoutMs?: number;
  /** Tries after the first. @default the client's */
  readonly retries?: number;
}

/** What a caller may say of a write. */
export interface WriteOptions extends CallOptions {
  /** The write has one effect however often it comes with this key. @default one made for each call */
  readonly idempotencyKey?: string;
  /** The version that the run must have; otherwise the write fails with `run.version_mismatch`. */
  readonly ifMatch?: number;
  readonly correlationId?: string;
  readonly causationId?: string;
  /** W3C trace context. */
  readonly traceparent?: string;
}

/** A request as the transport takes it. */
export interface RequestOptions extends WriteOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** JSON of the body; text and bytes go as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sends no idempotency key: the request is harmless to repeat as it is. @default false */
  readonly keyless?: boolean;
}

/** An answer of status below 400, its JSON parsed; `body` is undefined without content. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export interface TransportOptions {
  readonly address: string;
  /** Headers of every request: who asks. */
  readonly headers: Readonly<Record<string, string>>;
  /** A bearer token, or what gives one for each request. */
  readonly token: string | (() => string | Promise<string>) | undefined;
  readonly timeoutMs: number;
  readonly retries: Retries;
  readonly fetch: typeof fetch;
}

/** Statuses that another try may mend, whoever answered. */
const TRANSIENT = new Set([408, 429, 500, 502, 503, 504]);

/** Requests to one gateway: who asks, timeouts, retries, and errors with their codes. */
export class Transport {
  constructor(readonly options: TransportOptions) {}

  /**
   * Sends a request and reads its answer; tries again what may pass. Writes carry an idempotency key, one for all tries,
   * so that they have one effect.
   * @throws RunspineError; the reason of `signal`.
   */
  async request(method: string, path: string, request: RequestOptions = {}): Promise<Answer> {
    const headers = writeHeaders(method, request);
    const attempts = request.retries ?? this.options.retries.attempts;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.once(method, path, request, headers);
      } catch (error) {
        const waitMs = this.waitAfter(error, attempt, attempts);
        if (waitMs === undefined) throw error;
        await pause(waitMs, request.signal);
      }
    }
  }

  /**
   * Opens a request whose body the caller reads, such as a stream: one try, and no timeout once it is answered. It ends
   * with `signal`, which should live no longer than the stream.
   */
  async open(path: string, request: RequestOptions): Promise<Response> {
    const { signal, clear } = deadline(request.timeoutMs ?? this.options.timeoutMs, request.signal);
    try {
      const response = await this.send('GET', path, request, request.headers ?? {}, signal);
      if (response.status >= 400) throw errorOfAnswer(response, await response.text());
      return response;
    } catch (error) {
      throw failureOf(error, request.signal);
    } finally {
      clear();
    }
  }

  private async once(
    method: string,
    path: string,
    request: RequestOptions,
    headers: Record<string, string>,
  ): Promise<Answer> {
    const { signal, release } = deadline(request.timeoutMs ?? this.options.timeoutMs, request.signal);
    try {
      const response = await this.send(method, path, request, headers, signal);
      const text = await response.text();
      if (response.status >= 400) throw errorOfAnswer(response, text);
      return { status: response.status, headers: response.headers, body: parsed(response, text) };
    } catch (error) {
      throw failureOf(error, request.signal);
    } finally {
      release();
    }
  }

  private async send(
    method: string,
    path: string,
    { query, body }: RequestOptions,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Response> {
    const url = new URL(`${this.options.address}${path}`);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const { token } = this.options;
    const bearer = typeof token === 'function' ? await token() : token;
    return this.options.fetch(url, {
      method,
      headers: {
        accept: 'application/json',
        ...this.options.headers,
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined || body instanceof Uint8Array ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: bodyOf(body) }),
      signal,
    });
  }

  /** Milliseconds until the next try; undefined: there is none. */
  private waitAfter(error: unknown, attempt: number, attempts: number): number | undefined {
    if (attempt >= attempts || !isRunspineError(error)) return undefined;
    const transient = error.status === 0 || TRANSIENT.has(error.status) || error.code === 'client.bad_answer';
    if (!error.retryable || !transient) return undefined;
    const { capMs } = this.options.retries;
    if (error.retryAfterMs !== undefined && error.retryAfterMs > capMs) return undefined;
    return Math.max(error.retryAfterMs ?? 0, jitterMs(attempt, this.options.retries));
  }
}

function writeHeaders(method: string, request: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = { ...request.headers };
  if (method !== 'GET' && !request.keyless) headers['idempotency-key'] = request.idempotencyKey ?? randomUUID();
  if (request.ifMatch !== undefined) headers['if-match'] = `"${request.ifMatch}"`;
  if (request.correlationId !== undefined) headers['x-correlation-id'] = request.correlationId;
  if (request.causationId !== undefined) headers['x-causation-id'] = request.causationId;
  if (request.traceparent !== undefined) headers.traceparent = request.traceparent;
  return headers;
}

function bodyOf(body: unknown): string | Uint8Array<ArrayBuffer> {
  return typeof body === 'string' || body instanceof Uint8Array
    ? (body as string | Uint8Array<ArrayBuffer>)
    : JSON.stringify(body);
}

function parsed(response: Response, text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badAnswer(response.status, 'is not JSON', cause);
  }
}

/** The error for an answer that no service of Runspine gives. */
export function badAnswer(status: number, what: string, cause?: unknown): RunspineError {
  return new RunspineError('client.bad_answer', `The answer ${status} ${what}.`, { status, retryable: true, cause });
}

class Late extends Error {}

/** A signal that aborts after `timeoutMs` or with the caller's own. */
function deadline(timeoutMs: number, own: AbortSignal | undefined) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Late(`no answer within ${timeoutMs} ms`)), timeoutMs);
  // Not AbortSignal.any: what listens has to last as long as the body, and go with it.
  const pass = () => controller.abort(own?.reason);
  if (own?.aborted) pass();
  else own?.addEventListener('abort', pass, { once: true });
  const clear = () => clearTimeout(timer);
  const release = () => {
    clear();
    own?.removeEventListener('abort', pass);
  };
  return { signal: controller.signal, clear, release };
}

function failureOf(error: unknown, own: AbortSignal | undefined): unknown {
  if (own?.aborted) return own.reason;
  if (isRunspineError(error)) return error;
  if (error instanceof Late) {
    return new RunspineError('client.timeout', error.message, { status: 0, retryable: true, cause: error });
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const why = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new RunspineError('client.unreachable', `The gateway cannot be reached: ${why}`, {
    status: 0,
    retryable: true,
    cause: error,
  });
}
