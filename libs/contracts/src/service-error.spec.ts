import { describe, expect, it } from '@jest/globals';
import { Compile } from 'typebox/compile';
import { type ErrorCode, ERRORS } from './errors.js';
import { ErrorBody, invalidRequest, ServiceError } from './service-error.js';

describe('ServiceError', () => {
  it('takes status, retryable and message from the registry', () => {
    const error = new ServiceError('run.not_found');
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'ServiceError', code: 'run.not_found', status: 404, retryable: false });
    expect(error.message).toBe(ERRORS['run.not_found'].meaning);
    expect(error.details).toEqual({});
  });

  it('keeps a message, details and a cause of its own', () => {
    const cause = new Error('socket closed');
    const error = new ServiceError('store.unavailable', 'later', { afterMs: 5 }, { cause });
    expect(error).toMatchObject({ message: 'later', details: { afterMs: 5 }, cause, status: 503, retryable: true });
  });

  it('fits the body that every answer has', () => {
    const { code, message, retryable, details } = new ServiceError('event.invalid');
    const body = { error: { code, message, retryable, details, request_id: 'r' } };
    expect(Compile(ErrorBody).Check(body)).toBe(true);
    expect(Compile(ErrorBody).Check({ error: { ...body.error, request_id: 5 } })).toBe(false);
  });
});

it('invalidRequest names every fault, and the first in its message', () => {
  const faults = [
    { path: '/name', message: 'must be string' },
    { path: '', message: 'must be object' },
  ];
  expect(invalidRequest(faults)).toMatchObject({
    code: 'request.invalid' satisfies ErrorCode,
    message: '/name must be string',
    details: { faults },
  });
  expect(invalidRequest([faults[1]!]).message).toBe('body must be object');
  expect(invalidRequest([]).message).toBe(ERRORS['request.invalid'].meaning);
});
