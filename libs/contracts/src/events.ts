import type { DataOf, EventDefinition } from './define-event.js';
import { NEXUS_EVENT_DEFINITIONS } from './nexus-events.js';
import { RUN_EVENT_DEFINITIONS } from './run-events.js';
import { STEP_EVENT_DEFINITIONS } from './step-events.js';

/** Every event of `runspine.runs.v1`. */
export const EVENT_DEFINITIONS = [...RUN_EVENT_DEFINITIONS, ...STEP_EVENT_DEFINITIONS] as const;

/** Every event of every topic. */
export const ALL_EVENT_DEFINITIONS = [...EVENT_DEFINITIONS, ...NEXUS_EVENT_DEFINITIONS] as const;

type AnyDefinition = (typeof EVENT_DEFINITIONS)[number];

/** The name of an event's type, such as `run.started`. */
export type EventType = AnyDefinition['type'];
/** The data of an event of one type. */
export type EventData<T extends EventType> = DataOf<Extract<AnyDefinition, { type: T }>>;
/** `{type, data}` of every event: a union that narrows by `type`. */
export type TypedData = { [T in EventType]: { type: T; data: EventData<T> } }[EventType];
export type StepEventType = (typeof STEP_EVENT_DEFINITIONS)[number]['type'];
export type RunEventType = (typeof RUN_EVENT_DEFINITIONS)[number]['type'];

const byType = new Map<string, EventDefinition>(EVENT_DEFINITIONS.map((definition) => [definition.type, definition]));

/** The definition of a type, or undefined for a type that nobody defined. */
export function definitionOf(type: string): EventDefinition | undefined {
  return byType.get(type);
}

/** True for the types of a step's events. */
export function isStepEventType(type: string): type is StepEventType {
  return type.startsWith('step.');
}
