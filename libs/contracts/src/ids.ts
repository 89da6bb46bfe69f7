import { createHash, randomUUID } from 'node:crypto';
import Type from 'typebox';

/** Run id: `run_`, 12 hex digits of Unix milliseconds, 8 of affinity, 12 random. */
export const RUN_ID_PATTERN = '^run_[0-9a-f]{32}$';
/** Step id: `step_`, 12 hex digits of Unix milliseconds, 20 random. */
export const STEP_ID_PATTERN = '^step_[0-9a-f]{32}$';
/** Task id: `task_` and 32 hex digits, 12 of Unix milliseconds first; all from a digest for an idempotency key. */
export const TASK_ID_PATTERN = '^task_[0-9a-f]{32}$';
/** Event id: a UUID of any version; lower case where we write it. */
export const EVENT_ID_PATTERN = '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$';
/** Tenant, env, project, surface, space and room ids. */
export const NAME_PATTERN = '^[a-z0-9][a-z0-9_-]{0,63}$';
/** Correlation and causation ids of callers: printable ASCII without spaces. */
export const CORRELATION_PATTERN = '^[\\x21-\\x7e]{1,128}$';
/** How far ahead of the reader's clock an id's or an event's time may lie, in milliseconds. */
export const TIME_AHEAD_MS_MAX = 24 * 3600 * 1000;

export const RunId = Type.String({ pattern: RUN_ID_PATTERN, description: 'Run id; carries its partition affinity.' });
export const StepId = Type.String({ pattern: STEP_ID_PATTERN, description: 'Step id.' });
export const TaskId = Type.String({ pattern: TASK_ID_PATTERN, description: 'Task id: one request to ingest.' });
export const EventId = Type.String({ pattern: EVENT_ID_PATTERN, description: 'Event id: a UUID.' });
export const NameId = Type.String({ pattern: NAME_PATTERN });
export const CorrelationId = Type.String({ pattern: CORRELATION_PATTERN });

const runId = new RegExp(RUN_ID_PATTERN);
const stepId = new RegExp(STEP_ID_PATTERN);
const taskId = new RegExp(TASK_ID_PATTERN);
const eventId = new RegExp(EVENT_ID_PATTERN);
const nameId = new RegExp(NAME_PATTERN);
const correlationId = new RegExp(CORRELATION_PATTERN);

export const isRunId = (value: string): boolean => runId.test(value);
export const isStepId = (value: string): boolean => stepId.test(value);
export const isTaskId = (value: string): boolean => taskId.test(value);
export const isEventId = (value: string): boolean => eventId.test(value);
export const isNameId = (value: string): boolean => nameId.test(value);
export const isCorrelationId = (value: string): boolean => correlationId.test(value);

/** What decides a run's affinity: its room, else the idempotency key of its creation, else chance. */
export interface AffinitySource {
  tenantId: string;
  env: string;
  roomId?: string | undefined;
  idempotencyKey?: string | undefined;
}

/** Eight hex digits: the first of sha256(`tenant/env/room`), or of sha256(`tenant/env/key`), or random. */
export function affinityOf(source: AffinitySource): string {
  const anchor = source.roomId ?? source.idempotencyKey;
  if (anchor === undefined) return randomHex8();
  return createHash('sha256').update(`${source.tenantId}/${source.env}/${anchor}`).digest('hex').slice(0, 8);
}

/** A new run id. `nowMs` is Unix milliseconds, by default the clock. */
export function newRunId(affinity: string, nowMs: number = Date.now()): string {
  return `run_${hexMs(nowMs)}${affinity}${randomHex12()}`;
}

/** A new step id. `nowMs` is Unix milliseconds, by default the clock. */
export function newStepId(nowMs: number = Date.now()): string {
  return `step_${hexMs(nowMs)}${randomHex8()}${randomHex12()}`;
}

/** A new task id. `nowMs` is Unix milliseconds, by default the clock. */
export function newTaskId(nowMs: number = Date.now()): string {
  return `task_${hexMs(nowMs)}${randomHex8()}${randomHex12()}`;
}

/** The task id that an idempotency key stands for: the same key gives the same task. */
export function taskIdOfKey(source: { tenantId: string; env: string; idempotencyKey: string }): string {
  return `task_${digestOf('task', source.tenantId, source.env, source.idempotencyKey).slice(0, 32)}`;
}

/**
 * The event id of what can happen once: a UUID of version 8 (RFC 9562) from a digest of its parts, such as a task's id
 * and the type of the event. Who does the work again repeats the id.
 */
export function derivedEventId(...parts: readonly string[]): string {
  const hex = digestOf('event', ...parts);
  const variant = '89ab'[Number.parseInt(hex[16]!, 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A new event id: UUID version 7 (RFC 9562), so ids sort by time. */
export function newEventId(nowMs: number = Date.now()): string {
  const hex = hexMs(nowMs);
  // All after the version of a random UUID: its variant is the same.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${randomUUID().slice(15)}`;
}

/** The affinity inside a well-formed run id. */
export function affinityOfRunId(id: string): string {
  return id.slice(16, 24);
}

/** The time inside a well-formed run or step id, Unix milliseconds. */
export function timeOfId(id: string): number {
  const from = id.indexOf('_') + 1;
  return Number.parseInt(id.slice(from, from + 12), 16);
}

/** The Kafka key of a run's events: `tenant/affinity`. */
export function partitionKeyOf(tenantId: string, id: string): string {
  return `${tenantId}/${affinityOfRunId(id)}`;
}

function digestOf(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

let lastMs = 0;
let lastHex = '000000000000';

/** Many ids are made in one millisecond. */
function hexMs(ms: number): string {
  if (ms !== lastMs) {
    lastHex = Math.trunc(ms).toString(16).padStart(12, '0');
    lastMs = ms;
  }
  return lastHex;
}

// randomUUID keeps random bytes ahead: many times faster than asking for a few of them at each id.
function randomHex8(): string {
  return randomUUID().slice(0, 8);
}

function randomHex12(): string {
  return randomUUID().slice(24);
}
