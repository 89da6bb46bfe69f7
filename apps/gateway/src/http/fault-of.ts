import { BODY_BYTES_MAX, ServiceError } from '@runspine/contracts';
import { storeFault } from '@runspine/projections';
import { httpFaultOf } from '@runspine/service/http';

/** Whatever was thrown, as an error of the registry; undefined for a bug. */
export function faultOf(thrown: unknown): ServiceError | undefined {
  const ofStore = thrown instanceof Error ? storeFault(thrown) : undefined;
  return ofStore instanceof ServiceError ? ofStore : httpFaultOf(thrown, BODY_BYTES_MAX);
}
