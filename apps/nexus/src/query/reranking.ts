import { ServiceError } from '@runspine/contracts';
import type { AnswerRecord } from './answer-records.js';
import { type Candidate, keyOf } from './candidates.js';
import { invalidQuery, type QueryPlan } from './query-plan.js';
import type { Reranker } from './reranker.js';

/** The reranker of this model, or the default one; undefined where there is none. */
export type RerankerOf = (model: string | undefined) => Reranker | undefined;

export interface Reranked {
  readonly model: string;
  /** The first of the list, at most `top_n`, in their new order: it ends there. */
  readonly list: readonly Candidate[];
}

/**
 * The head of the list in a reranker's order, or in the one that was kept. Equal scores stay as they were.
 * @throws ServiceError `nexus.query_invalid` for a model that is not there, and the reranker's.
 */
export async function rerank(
  { rerank: wanted, text }: QueryPlan,
  list: readonly Candidate[],
  readTexts: (candidates: readonly Candidate[]) => Promise<string[]>,
  kept: AnswerRecord | undefined,
  rerankerOf: RerankerOf,
  signal: AbortSignal,
): Promise<Reranked | undefined> {
  if (wanted === undefined) return undefined;
  const head = list.slice(0, wanted.topN);
  if (kept?.reranked !== undefined) {
    const byKey = new Map(head.map((candidate) => [keyOf(candidate), candidate]));
    const again = kept.reranked.flatMap(([source, id, score]) => {
      const candidate = byKey.get(keyOf({ source, id }));
      return candidate === undefined ? [] : [{ ...candidate, score }];
    });
    return { model: kept.reranker ?? '', list: again };
  }
  const reranker = rerankerOf(wanted.model);
  if (reranker === undefined) {
    throw invalidQuery([
      { path: wanted.model === undefined ? '/rerank' : '/rerank/model', message: 'names no reranker of this service' },
    ]);
  }
  if (head.length === 0) return { model: reranker.model, list: [] };
  const scores = await reranker.score(text as string, await readTexts(head), signal);
  if (scores.length !== head.length || !scores.every(Number.isFinite)) throw new ServiceError('nexus.reranker_invalid');
  const scored = head.map((candidate, index) => ({ ...candidate, score: scores[index] as number }));
  return { model: reranker.model, list: scored.sort((one, other) => other.score - one.score) };
}
