import { canonicalHash, canonicalText, SAMPLE_ROWS_MAX } from './canonical.js';
import { createHash } from 'node:crypto';

/** What a fingerprint is made of. */
export interface FingerprintParts {
  /** `sha256:` of the input, or of the caller's own key. */
  readonly inputHash: string;
  /** `sha256:` of the configuration; null without one. */
  readonly configHash: string | null;
  readonly codeRef: string;
}

/**
 * `sha256:` of the canonical JSON of `{code_ref, config_hash, input}`: the same for the same work, whatever the order of
 * keys, in any process. golden/fingerprints.json freezes it.
 */
export function fingerprintOf({ inputHash, configHash, codeRef }: FingerprintParts): string {
  const text = canonicalText({ code_ref: codeRef, config_hash: configHash, input: inputHash });
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/** The hash of an input: of all of it, or with `sampled` of lists longer than 1,000 rows only so many. */
export function inputHashOf(input: unknown, { sampled }: { sampled: boolean }): string {
  return canonicalHash(input, sampled ? SAMPLE_ROWS_MAX : Infinity);
}

/** The hash of a caller's own key for an input; never that of an input. */
export function keyHashOf(key: string): string {
  return canonicalHash({ $key: key });
}

/** What stands for a fingerprint that could not be made: never equal to another. */
export function unknownFingerprint(nowMs: number): string {
  return `unknown:${new Date(nowMs).toISOString()}`;
}
