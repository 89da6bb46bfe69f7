import { ServiceError } from '@runspine/contracts';
import type { Embedder } from '../embedding/embedder.js';
import type { Mode, QueryPlan } from './query-plan.js';
import type { Source } from './sources.js';

/** The embedder of a space's model, where this process has it. */
export type EmbedderOf = (model: string) => Embedder | undefined;

/** What each source is asked with; undefined where it cannot be searched by vector. */
export interface QueryVectors {
  readonly bySource: readonly (Float32Array | undefined)[];
  /** All sources have one model: their distances can be compared. */
  readonly comparable: boolean;
  /** Made by a model that may answer otherwise the next time. */
  readonly remote: boolean;
}

/**
 * What `auto` means for these sources: hybrid where the space has an embedder that knows meaning, else text; a vector
 * that the caller brings is always used.
 */
export function modeOf(plan: QueryPlan, sources: readonly Source[], embedderOf: EmbedderOf): Mode {
  if (plan.mode !== 'auto') return plan.mode;
  if (plan.text === undefined) return 'vector';
  if (plan.vector !== undefined) return 'hybrid';
  const model = sources[0]?.space.embedding.model;
  return model !== undefined && embedderOf(model)?.semantic ? 'hybrid' : 'text';
}

/**
 * The vectors to search by: the caller's, or the question embedded by each source's own model. The first source must
 * be searchable; another is left out of this modality where it has another dimension, or a model nobody has here.
 * @throws ServiceError `nexus.dimension_mismatch`, `nexus.embedding_mismatch`, and the embedder's.
 */
export async function queryVectors(
  plan: QueryPlan,
  sources: readonly Source[],
  kept: readonly (Float32Array | undefined)[] | undefined,
  embedderOf: EmbedderOf,
  signal: AbortSignal,
): Promise<QueryVectors> {
  const models = sources.map(({ space }) => space.embedding.model);
  const comparable = models.every((model) => model === models[0]);
  const remote = plan.vector === undefined && models.some((model) => embedderOf(model)?.semantic);
  if (kept !== undefined) return { bySource: kept, comparable, remote };
  const byModel = new Map<string, Promise<Float32Array | undefined>>();
  for (const model of new Set(models)) byModel.set(model, vectorBy(plan, embedderOf(model), signal));
  const vectors = await Promise.all(models.map(async (model) => byModel.get(model)));
  const bySource = sources.map(({ space: { embedding } }, index) => {
    const vector = vectors[index];
    if (vector?.length === embedding.dimension) return vector;
    if (index > 0) return undefined;
    throw plan.vector === undefined
      ? new ServiceError('nexus.embedding_mismatch', `No embedder here is the space's: ${embedding.model}.`, {
          ...embedding,
        })
      : new ServiceError('nexus.dimension_mismatch', undefined, { dimension: embedding.dimension });
  });
  return { bySource, comparable, remote };
}

async function vectorBy({ vector, text }: QueryPlan, embedder: Embedder | undefined, signal: AbortSignal) {
  if (vector !== undefined) return vector;
  if (embedder === undefined || text === undefined) return undefined;
  const [embedded] = await embedder.embed([text], 'query', signal);
  return embedded;
}
