import { describe, expect, it } from '@jest/globals';
import type { ErrorEntry } from './error-entry.js';
import { ERRORS } from './errors.js';

describe('the registry', () => {
  const entries = Object.entries<ErrorEntry>(ERRORS);

  it.each(entries)('%s has a form, a status of its kind and a meaning', (code, entry) => {
    expect(code).toMatch(/^[a-z_]+\.[a-z_]+$/);
    expect(entry.status).toBeGreaterThanOrEqual(400);
    expect(entry.status).toBeLessThan(600);
    expect(entry.meaning).toMatch(/^[A-Z].*\.$/);
  });

  it('calls retryable only what time can mend', () => {
    const mendable = new Set([404, 408, 429, 500, 503]);
    expect(entries.filter(([, { retryable, status }]) => retryable && !mendable.has(status))).toEqual([]);
  });
});
