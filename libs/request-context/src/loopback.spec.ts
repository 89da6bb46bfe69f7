import { expect, it } from '@jest/globals';
import { assertLoopback, isLoopback } from './loopback.js';

it.each(['127.0.0.1', '127.8.9.10', '::1', '[::1]', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'localhost', 'LOCALHOST'])(
  'takes %s for this machine',
  (host) => expect(isLoopback(host)).toBe(true),
);

it.each([
  '0.0.0.0',
  '::',
  '10.0.0.1',
  '128.0.0.1',
  '::ffff:10.0.0.1',
  '::2',
  '127.example.org',
  'localhost.evil.org',
  '',
])('refuses to listen on %j in development mode, and says what to set', (host) =>
  expect(() => assertLoopback(host)).toThrow(/RUNSPINE_HOST to 127\.0\.0\.1/),
);
