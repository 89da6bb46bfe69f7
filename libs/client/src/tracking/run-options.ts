import type { Json } from '../resources/run-types.js';

/** What is recorded of a run. */
export interface RunOptions {
  /** A name for people. */
  readonly name?: string;
  /** What sort of run it is, such as `agent` or `pipeline`; lists filter by it. */
  readonly kind?: string;
  /** Its place in a larger job, such as `extract`; lists filter by it, and checkpoints are found by it. */
  readonly stage?: string;
  /** A run id of your own. @default made */
  readonly runId?: string;
  /** The room that streams it. @default its parent's */
  readonly room?: string;
  /** The id that another system knows it by. */
  readonly externalId?: string;
  /** @default the run that the call is part of */
  readonly parentRunId?: string;
  /** The run that it repeats. @default RUNSPINE_RERUN_OF, for a run without a parent */
  readonly rerunOf?: string;
  /** What its events belong together with. @default its parent's, else its own id */
  readonly correlationId?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, Json>>;
  /** Seconds of silence after which it reads `stalled`. @default 900 */
  readonly staleAfterS?: number;
  /** How many tasks are expected; a hint for progress. */
  readonly taskCount?: number;
  /** What it works on; recorded where it is small, its size otherwise. */
  readonly input?: unknown;
  /** How it is configured: its hash is recorded, and itself as metadata where it is small. */
  readonly config?: unknown;
  /** The version of the code. @default the tracker's */
  readonly codeRef?: string;
  /** @default true */
  readonly recordInput?: boolean;
  /** Whether what it returns is recorded, where JSON can hold it; without it no checkpoint finds it. @default true */
  readonly recordOutput?: boolean;
}

/** A stage: a run whose work has a fingerprint. */
export interface StageOptions extends RunOptions {
  readonly stage: string;
  /**
   * Look for an earlier run of the same fingerprint first (at most 250 ms), and give its output instead of running. It
   * takes `input` or `key`, a commit without changes beside it, and an output that JSON holds. @default false
   */
  readonly checkpoint?: boolean;
  /** Stands for the input in the fingerprint, where it is too large to hash or can be read only once. */
  readonly key?: string;
}
