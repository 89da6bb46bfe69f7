import { HttpException } from '@nestjs/common';
import { BODY_BYTES_MAX, type ErrorCode, ServiceError } from '@runspine/contracts';
import { storeFault } from '@runspine/projections';

const FASTIFY_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'request.too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'request.unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'request.malformed',
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

/** Whatever was thrown, as an error of the registry; undefined for a bug. */
export function faultOf(thrown: unknown): ServiceError | undefined {
  if (thrown instanceof ServiceError) return thrown;
  if (!(thrown instanceof Error)) return undefined;
  const storeAway = storeFault(thrown);
  if (storeAway instanceof ServiceError) return storeAway;
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown };
  const known = typeof code === 'string' ? FASTIFY_CODES[code] : undefined;
  if (known) return withDetails(known);
  const status = thrown instanceof HttpException ? thrown.getStatus() : statusCode;
  if (typeof status !== 'number' || status < 400 || status >= 500) return undefined;
  return withDetails(STATUS_CODES[status] ?? 'request.malformed');
}

function withDetails(code: ErrorCode): ServiceError {
  return new ServiceError(code, undefined, code === 'request.too_large' ? { bytes_max: BODY_BYTES_MAX } : {});
}
