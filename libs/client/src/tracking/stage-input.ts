import { canonicalHash } from './canonical.js';
import { inputHashOf, keyHashOf } from './fingerprint.js';
import { messageOf } from './json-text.js';
import type { Reports } from './reports.js';
import type { StageOptions } from './run-options.js';

/** The hashes of a stage's input and configuration, taken before it runs: it may change them. */
export interface StageInput {
  /** Undefined: it could not be made, and the fingerprint is unknown. */
  readonly hash: string | undefined;
  readonly configHash: string | null;
  /** The hash is of all of the input, or of the caller's key. */
  readonly whole: boolean;
}

/** Never throws: what has no hash has none. */
export function stageInputOf(options: StageOptions, reports: Reports): StageInput {
  const { input, key, config, checkpoint = false } = options;
  try {
    const configHash = config === undefined ? null : canonicalHash(config);
    if (key !== undefined) return { hash: keyHashOf(key), configHash, whole: true };
    const hash = inputHashOf(input, { sampled: !checkpoint });
    return { hash, configHash, whole: checkpoint && input !== undefined };
  } catch (error) {
    reports.once('fingerprint', 'a fingerprint could not be made', { stage: options.stage, error: messageOf(error) });
    return { hash: undefined, configHash: null, whole: false };
  }
}
