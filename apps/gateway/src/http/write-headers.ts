import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { type Fault, invalidRequest, isCorrelationId } from '@runspine/contracts';
import type { FastifyRequest } from 'fastify';

/** What the headers of a write say. */
export interface WriteHeaders {
  readonly idempotencyKey: string | undefined;
  /** The run's version of `If-Match`. */
  readonly expectedVersion: number | undefined;
  readonly correlationId: string | undefined;
  readonly causationId: string | undefined;
  readonly traceparent: string | undefined;
  readonly prefer: string | string[] | undefined;
}

/** A write as it came: what its outcome's waiter and its idempotency need to know of the request. */
export interface WriteRequest extends WriteHeaders {
  /** Method and path, for the hash that an idempotency key stands for. */
  readonly route: string;
  /** The body as it was sent. */
  readonly sentBody: unknown;
  /** True once the caller is gone. */
  readonly gone: () => boolean;
}

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;
const ETAG = /^"(0|[1-9]\d{0,14})"$/;
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The request of a write, its headers checked: `@Write() request: WriteRequest`. */
export const Write = createParamDecorator((_: unknown, context: ExecutionContext): WriteRequest => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  return writeRequestOf(request);
});

/** @throws ServiceError `request.invalid` that names each wrong header. */
export function writeRequestOf(request: FastifyRequest): WriteRequest {
  const { url, raw } = request;
  const query = url.indexOf('?');
  return {
    ...readWriteHeaders(request.headers),
    route: `${request.method} ${query < 0 ? url : url.slice(0, query)}`,
    sentBody: request.body,
    gone: () => raw.socket.destroyed,
  };
}

/**
 * The headers of a write. A malformed `traceparent` is ignored, as its specification has it; anything else malformed is
 * a fault.
 * @throws ServiceError `request.invalid` that names each wrong header.
 */
export function readWriteHeaders(headers: FastifyRequest['headers']): WriteHeaders {
  const faults: Fault[] = [];
  const read = {
    idempotencyKey: idempotencyKey(headers['idempotency-key'], faults),
    expectedVersion: expectedVersion(headers['if-match'], faults),
    correlationId: correlation('X-Correlation-Id', headers['x-correlation-id'], faults),
    causationId: correlation('X-Causation-Id', headers['x-causation-id'], faults),
    traceparent: traceparent(headers.traceparent),
    prefer: headers.prefer,
  };
  if (faults.length > 0) throw invalidRequest(faults);
  return read;
}

function idempotencyKey(value: string | string[] | undefined, faults: Fault[]): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && IDEMPOTENCY_KEY.test(value)) return value;
  faults.push({ path: 'Idempotency-Key', message: 'must be 1-255 printable ASCII characters without spaces' });
  return undefined;
}

/** `*` asks only that the run exists, which every write to a run needs anyway. */
function expectedVersion(value: string | undefined, faults: Fault[]): number | undefined {
  if (value === undefined || value === '*') return undefined;
  const version = ETAG.exec(value)?.[1];
  if (version !== undefined) return Number(version);
  const message = value.startsWith('W/')
    ? 'must be a strong tag: the version as the ETag had it'
    : 'must be one version in quotes, such as "3"';
  faults.push({ path: 'If-Match', message });
  return undefined;
}

function correlation(name: string, value: string | string[] | undefined, faults: Fault[]): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && isCorrelationId(value)) return value;
  faults.push({ path: name, message: 'must be 1-128 printable ASCII characters without spaces' });
  return undefined;
}

function traceparent(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' && TRACEPARENT.test(value) ? value : undefined;
}
