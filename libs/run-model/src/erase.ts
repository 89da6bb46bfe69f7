import { definitionOf, type TypedData } from '@runspine/contracts';
import { ownMetrics } from './metrics.js';
import type { RunState, StepState } from './state.js';

/** A run without what people wrote or models said. Ids, times, states, measures and fingerprints stay. */
export function eraseRun(run: RunState): RunState {
  return {
    ...run,
    external_id: null,
    name: null,
    command: null,
    cwd: null,
    input: null,
    output: null,
    tags: {},
    scores: [],
    metadata: {},
    error: null,
    cancel_reason: null,
  };
}

/** A step without what people wrote or models said. */
export function eraseStep(step: StepState): StepState {
  return { ...step, name: null, inputs: null, output: null, error: null, skip_reason: null };
}

/**
 * An event's data without its payload: the fields that its definition names so, and all that the definition does not
 * know, since those may hold anything. What is left folds to the erased state.
 * @throws Error for a type that nobody defined.
 */
export function redact({ type, data }: TypedData): Record<string, unknown> {
  const definition = definitionOf(type);
  if (!definition) throw new Error(`No definition of ${type} says what to erase of it`);
  const kept: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(data)) {
    if (!Object.hasOwn(definition.schema.properties, field) || definition.payload.includes(field)) continue;
    kept[field] = field === 'metrics' ? ownMetrics(value as object) : value;
  }
  return kept;
}
