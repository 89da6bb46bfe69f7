import { createHash } from 'node:crypto';

/** A short name of a value: equal values, whatever the order of their keys, have one. */
export function digest(canonical: string): string {
  return createHash('sha256').update(canonical).digest('base64url').slice(0, 22);
}
