import Type, { type Static } from 'typebox';
import { type ErrorCode, ERRORS } from './errors.js';
import type { Fault } from './json.js';

/** The shape of every error answer. */
export const ErrorBody = Type.Object({
  error: Type.Object({
    code: Type.String({ description: 'A code of the registry (docs/errors.md).' }),
    message: Type.String(),
    retryable: Type.Boolean(),
    details: Type.Record(Type.String(), Type.Unknown()),
    request_id: Type.String(),
  }),
});
export type ErrorBody = Static<typeof ErrorBody>;

/** An expected failure, with a code of the registry. Anything else that is thrown is a bug. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';

  constructor(
    readonly code: ErrorCode,
    message?: string,
    readonly details: Record<string, unknown> = {},
    options?: ErrorOptions,
  ) {
    super(message ?? ERRORS[code].meaning, options);
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/** A `request.invalid` that names each fault; its message is the first. */
export function invalidRequest(faults: Fault[]): ServiceError {
  const first = faults[0];
  const message = first ? `${first.path || 'body'} ${first.message}` : undefined;
  return new ServiceError('request.invalid', message, { faults });
}
