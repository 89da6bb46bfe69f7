import { ServiceError } from '@runspine/contracts';

/**
 * What a store's own error means to a caller. Its message goes with it for the log, without queries of addresses, which
 * may be signatures; the error itself does not, since clients hang whole requests on theirs.
 */
export function storeFault(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  const { name = 'Error', message = String(error) } = (error ?? {}) as Partial<Error>;
  const cause = new Error(`${name}: ${message.replace(/\?[^\s"'<>]*/g, '?…').slice(0, 1000)}`);
  return new ServiceError('nexus_blob_store.unavailable', undefined, {}, { cause });
}
