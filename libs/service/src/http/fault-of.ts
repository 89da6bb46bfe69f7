import { HttpException } from '@nestjs/common';
import { type ErrorCode, ServiceError } from '@runspine/contracts';

const FASTIFY_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'request.too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'request.unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'request.malformed',
  FST_ERR_CTP_INVALID_JSON_BODY: 'request.malformed',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'request.malformed',
  FST_ERR_BAD_URL: 'request.malformed',
  FST_ERR_MAX_PARAM_LENGTH: 'request.invalid',
  FST_ERR_NOT_FOUND: 'request.not_found',
};

const STATUS_CODES: Readonly<Record<number, ErrorCode>> = {
  403: 'auth.forbidden',
  404: 'request.not_found',
  405: 'request.method_not_allowed',
  408: 'request.timeout',
  413: 'request.too_large',
  415: 'request.unsupported_media_type',
};

/**
 * What a handler, Nest or Fastify threw, as an error of the registry; undefined for a bug. `bodyBytesMax`: the limit that
 * `request.too_large` names in its details.
 */
export function httpFaultOf(thrown: unknown, bodyBytesMax: number): ServiceError | undefined {
  if (thrown instanceof ServiceError) return thrown;
  if (!(thrown instanceof Error)) return undefined;
  const code = codeOf(thrown);
  return code && new ServiceError(code, undefined, code === 'request.too_large' ? { bytes_max: bodyBytesMax } : {});
}

function codeOf(thrown: Error): ErrorCode | undefined {
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown };
  const known = typeof code === 'string' ? FASTIFY_CODES[code] : undefined;
  if (known) return known;
  const status = thrown instanceof HttpException ? thrown.getStatus() : statusCode;
  if (typeof status !== 'number' || status < 400 || status >= 500) return undefined;
  return STATUS_CODES[status] ?? 'request.malformed';
}
