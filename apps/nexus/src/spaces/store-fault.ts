import { ServiceError } from '@runspine/contracts';

/** What LanceDB says of a store that does not answer, refuses us, or has lost files; not of what we asked wrongly. */
const OF_STORE =
  /LanceError\(IO\)|\bIO \{|Generic (S3|GCS|MicrosoftAzure|\w+) error|object store|RetryError|tcp connect error|os error \d+|Not found: /i;

/**
 * LanceDB's error as callers may see it: its message has addresses, which are for the log. Undefined for all else.
 */
export function storeFault(error: unknown): ServiceError | undefined {
  if (error instanceof ServiceError) return undefined;
  const { message } = (error ?? {}) as { message?: unknown };
  if (typeof message !== 'string' || !OF_STORE.test(message)) return undefined;
  return new ServiceError('nexus_store.unavailable', undefined, {}, { cause: error });
}
