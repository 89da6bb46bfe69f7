import type { Run } from '@runspine/client';
import type { Session } from '../session.js';

/** Runs that are looked through. */
const LOOKED_MAX = 1000;

/**
 * The last run of the same stage and name that was executed and completed before this one, and how many failed since;
 * without a stage, of the same kind and name.
 */
export async function lastGoodOf(
  { client, call }: Session,
  run: Run,
): Promise<{ run: Run | undefined; failedSince: number }> {
  const of = run.stage !== null ? { stage: run.stage } : run.kind !== null ? { kind: run.kind } : {};
  const before = { ...of, until: run.created_at, limit: 200 };
  let failedSince = 0;
  for (const other of await client.runs.list(before, call).first(LOOKED_MAX)) {
    if (run.stage === null && other.name !== run.name) continue;
    if (run.stage !== null && run.name !== null && other.name !== run.name) continue;
    if (other.status === 'completed' && other.source !== 'checkpoint') return { run: other, failedSince };
    if (other.status === 'failed') failedSince += 1;
  }
  return { run: undefined, failedSince };
}
