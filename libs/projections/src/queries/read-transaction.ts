import { isNameId, ServiceError } from '@runspine/contracts';

/**
 * The statement that begins a read: one snapshot for all its queries, and the tenant whose rows it may see. Parameters
 * would cost a round trip more, so the id stands in the text, and nothing but `[a-z0-9_-]` gets there.
 * @throws Error for anything that is no tenant id: callers have checked it.
 */
export function beginRead(tenantId: string): string {
  if (!isNameId(tenantId)) throw new Error('A read needs a well-formed tenant id.');
  return `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL runspine.tenant = '${tenantId}'`;
}

const AWAY = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  // Shut down by an administrator, crashed, starting; too many connections; a statement or lock that took too long.
  '57P01',
  '57P02',
  '57P03',
  '53300',
  '57014',
  '55P03',
]);
/** TypeORM's words for a connection that broke within a read. */
const BROKEN = /AlreadyReleasedError$/;
const AWAY_MESSAGE =
  /timeout exceeded when trying to connect|connection (terminated|error)|not queryable|timeout expired|query read timeout/i;

/** What a failed read means: `store.unavailable` when PostgreSQL is away or too slow, else the error as it is. */
export function storeFault(error: unknown): unknown {
  if (error instanceof ServiceError) return error;
  const cause = driverErrorOf(error);
  const code = String(cause.code ?? '');
  const broken = BROKEN.test(cause.name ?? '') || AWAY_MESSAGE.test(cause.message ?? '');
  if (broken || AWAY.has(code) || code.startsWith('08')) {
    return new ServiceError('store.unavailable', undefined, {}, { cause: error });
  }
  return error;
}

function driverErrorOf(error: unknown): { code?: unknown; name?: string; message?: string } {
  if (typeof error !== 'object' || error === null) return {};
  return 'driverError' in error ? (error.driverError as object) : error;
}
