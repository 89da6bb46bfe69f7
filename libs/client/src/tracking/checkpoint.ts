import type { RunspineClient } from '../client.js';
import { isRunspineError } from '../errors.js';
import type { CodeRef } from './code-ref.js';
import { fingerprintOf } from './fingerprint.js';
import { messageOf } from './json-text.js';
import type { Reports } from './reports.js';
import type { StageInput } from './stage-input.js';

/** An earlier run whose output stands for a stage. */
export interface Checkpoint {
  readonly runId: string;
  readonly output: unknown;
}

/** Looks for a checkpoint, no longer than `waitMs`. Never throws: without one the stage runs. */
export async function findCheckpoint(
  client: RunspineClient,
  stage: string,
  { hash, configHash, whole }: StageInput,
  { code, waitMs, reports }: { code: Promise<CodeRef>; waitMs: number; reports: Reports },
): Promise<Checkpoint | undefined> {
  const unlooked = (why: string, details: object = {}) =>
    void reports.once(`unlooked: ${why}`, `no checkpoint is looked for: ${why}`, { stage, ...details });
  if (hash === undefined) return undefined;
  if (!whole) return unlooked('the stage names neither input nor key');
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`not found within ${waitMs} ms`)), waitMs);
  try {
    const known = await orAborted(code, late.signal);
    if (!known.clean) return unlooked(whyNot(known), { code_ref: known.ref });
    const fingerprint = fingerprintOf({ inputHash: hash, configHash, codeRef: known.ref });
    const call = client.runs.checkpoint(fingerprint, { stage, signal: late.signal, retries: 0, timeoutMs: waitMs });
    const run = await orAborted(call, late.signal);
    const fits = run.status === 'completed' && run.source !== 'checkpoint' && run.input_fingerprint === fingerprint;
    return fits && run.output !== null && run.output !== undefined
      ? { runId: run.run_id, output: run.output }
      : undefined;
  } catch (error) {
    if (!isRunspineError(error) || error.code !== 'checkpoint.not_found') {
      reports.once('checkpoint', 'checkpoints cannot be looked up; stages run', { stage, error: messageOf(error) });
    }
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function whyNot({ ref }: CodeRef): string {
  return ref === 'unknown'
    ? 'there is no commit that says what the code is'
    : 'the tree has changes beside its commit, untracked files included';
}

/** Also when what is waited for takes no notice of the signal. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    work.then(resolve, reject);
  });
}
