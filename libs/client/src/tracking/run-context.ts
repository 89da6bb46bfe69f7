import { AsyncLocalStorage } from 'node:async_hooks';
import type { TrackedRun } from './tracked-run.js';

/** The run that the code is part of, and its task. */
export interface RunContext {
  readonly run: TrackedRun;
  readonly taskId: string | undefined;
}

const KEY = Symbol.for('runspine.run-context');
const shared = globalThis as { [KEY]?: AsyncLocalStorage<RunContext> };

/** One a process, also where this package is loaded twice (ESM and CommonJS). */
const storage = (shared[KEY] ??= new AsyncLocalStorage<RunContext>());

/** Runs `work` as part of a run, and of a task of it. */
export function runWithin<T>(context: RunContext, work: () => T): T {
  return storage.run(context, work);
}

/** What the code here is part of. */
export function currentContext(): RunContext | undefined {
  return storage.getStore();
}

/** The run that the code here is part of; undefined outside of `trackRun` and `trackStage`. */
export function currentRun(): TrackedRun | undefined {
  return storage.getStore()?.run;
}
