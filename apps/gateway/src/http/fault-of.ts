import { HttpException } from '@nestjs/common';
import { BODY_BYTES_MAX, type ErrorCode, ServiceError } from '@runspine/contracts';

/** SQLSTATE classes and Node's codes of a PostgreSQL that is away, starting, stopping or out of connections. */
const STORE_AWAY = /^(08...|53300|57P0[1-5]|ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|EHOSTUNREACH|ETIMEDOUT|ENOENT)$/;
const STORE_AWAY_TEXT =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error)/i;
const STATEMENT_TIMEOUT = '57014';

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
  if (isStoreAway(thrown)) return new ServiceError('store.unavailable', undefined, {}, { cause: thrown });
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown };
  const known = typeof code === 'string' ? FASTIFY_CODES[code] : undefined;
  if (known) return withDetails(known);
  const status = thrown instanceof HttpException ? thrown.getStatus() : statusCode;
  if (typeof status !== 'number' || status < 400 || status >= 500) return undefined;
  return withDetails(STATUS_CODES[status] ?? 'request.malformed');
}

/** True for the errors of a PostgreSQL that does not answer. */
export function isStoreAway(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    const { code, message } = cause as Error & { code?: unknown };
    if (typeof code === 'string' && (STORE_AWAY.test(code) || code === STATEMENT_TIMEOUT)) return true;
    if (STORE_AWAY_TEXT.test(message)) return true;
  }
  return false;
}

function withDetails(code: ErrorCode): ServiceError {
  return new ServiceError(code, undefined, code === 'request.too_large' ? { bytes_max: BODY_BYTES_MAX } : {});
}
