import { messageOf } from './json-text.js';
import { consoleLogger } from './reports.js';
import { currentRun } from './run-context.js';
import type { RunOptions, StageOptions } from './run-options.js';
import type { TrackedRun } from './tracked-run.js';
import { Tracker } from './tracker.js';

/** Which tracker records. */
export interface WithTracker {
  /** @default the process's own */
  readonly tracker?: Tracker;
}

let own: Tracker | undefined;

/** The process's own tracker: the one that was set, else one made from the environment when it is first needed. */
export function defaultTracker(): Tracker {
  if (own) return own;
  try {
    own = new Tracker();
  } catch (error) {
    consoleLogger.warn('nothing is recorded: the environment says nonsense', { error: messageOf(error) });
    own = new Tracker({ enabled: false, address: 'http://127.0.0.1:8080' });
  }
  return own;
}

/** Makes a tracker the process's own; undefined forgets the one there is, which is not closed. */
export function setDefaultTracker(tracker: Tracker | undefined): void {
  own = tracker;
}

/**
 * Runs `fn` as a run, recorded behind its back: created and running, then completed with what it returns, or failed with
 * what it throws, which is thrown on unchanged. Runs begun inside are its children. A failure to record is logged once
 * and never reaches `fn` or its caller.
 */
export function trackRun<T>(options: RunOptions & WithTracker, fn: (run: TrackedRun) => T | Promise<T>): Promise<T> {
  return (options.tracker ?? defaultTracker()).trackRun(options, fn);
}

/** As {@link trackRun}, for a stage: with a fingerprint, by which `checkpoint` finds the output of an earlier run. */
export function trackStage<T>(
  options: StageOptions & WithTracker,
  fn: (run: TrackedRun) => T | Promise<T>,
): Promise<T> {
  return (options.tracker ?? defaultTracker()).trackStage(options, fn);
}

/** Runs `fn` as a task of the run that the call is part of; outside of any, just runs it. */
export async function trackTask<T>(options: Parameters<TrackedRun['task']>[0], fn: () => T | Promise<T>): Promise<T> {
  const run = currentRun();
  return run ? run.task(options, fn) : fn();
}
