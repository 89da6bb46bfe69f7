import { runOf, stepResource } from '@runspine/run-model';
import type { Told } from '../runs/fold-batch.js';

/** The JSON of what the event is about, after it: its step, or else the run. Undefined where nobody asked for it. */
export function resourceTextOf({ entry, after }: Told): string | undefined {
  if (entry.event.reply !== 'resource' || !after?.run) return undefined;
  return JSON.stringify(after.step ? { step: stepResource(after.step) } : { run: runOf(after.run) });
}
