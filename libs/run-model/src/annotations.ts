import { jsonBytes, type SubmittedEvent } from '@runspine/contracts';
import type { RunState } from './state.js';

/** Most names that a run keeps in each of tags, metadata and scores. */
export const ANNOTATION_NAMES_MAX = 1000;
/** Largest tags, metadata and scores of a run together, in bytes of their JSON text as UTF-8. */
export const ANNOTATION_BYTES_MAX = 1024 * 1024;

/** What `run.annotated` adds to, and every later event of the run is written with. */
export type Annotations = Pick<RunState, 'tags' | 'metadata' | 'scores'>;

type AnnotatedData = Extract<SubmittedEvent, { type: 'run.annotated' }>['data'];

/** Merged at the top level, the last of a name wins; spread copies own keys only, `__proto__` as a plain one. */
export function annotated({ tags, metadata, scores }: Annotations, data: AnnotatedData): Annotations {
  const byName = new Map(scores.map((score) => [score.name, score]));
  for (const score of data.scores ?? []) byName.set(score.name, score);
  return {
    tags: { ...tags, ...data.tags },
    metadata: { ...metadata, ...data.metadata },
    scores: [...byName.values()],
  };
}

/** True where a run may keep that much: one event is bounded by its schema, any number of them is not. */
export function annotationsFit({ tags, metadata, scores }: Annotations): boolean {
  const counts = [Object.keys(tags).length, Object.keys(metadata).length, scores.length];
  return Math.max(...counts) <= ANNOTATION_NAMES_MAX && jsonBytes([tags, metadata, scores]) <= ANNOTATION_BYTES_MAX;
}
