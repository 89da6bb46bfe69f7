import type { Recorder } from './recorder.ts';

/** The list of runs that this pipeline is recorded in. */
export interface Pipeline {
  room: string;
  stage: string;
}

/** A step of an earlier run; only what is used. */
interface EarlierStep {
  name: string | null;
  status: string;
  output: { documents?: unknown; paths?: unknown } | null;
}

/** So many runs are looked at, of which none says what it left in the space. */
const RUNS_MAX = 100;

/**
 * The documents that earlier runs may have left in the space. An ingest that completed says what the space has after
 * it, so the last such run says all; of runs after it, which broke off, whatever they found may be there.
 */
export async function documentsOfEarlierRuns(
  recorder: Recorder,
  { room, stage }: Pipeline,
  ownRun: string,
): Promise<Set<string>> {
  const documents = new Set<string>();
  const { items } = await recorder.read<{ items: { run_id: string }[] }>(
    `/v1/runs?room=${room}&stage=${stage}&limit=${RUNS_MAX}`,
  );
  for (const { run_id: runId } of items) {
    if (runId === ownRun) continue;
    const { items: steps } = await recorder.read<{ items: EarlierStep[] }>(`/v1/runs/${runId}/steps`);
    const outputOf = (name: string) => steps.find((step) => step.name === name && step.status === 'completed')?.output;
    const left = outputOf('ingest')?.paths;
    for (const path of listOf(left ?? outputOf('find')?.documents)) documents.add(path);
    if (left !== undefined) break;
  }
  return documents;
}

const listOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
