import { createHash } from 'node:crypto';
import { affinityOf, newEventId, newRunId, newStepId, TIME_AHEAD_MS_MAX } from '@runspine/contracts';

/** Who creates a run or a step, and what its id may be derived from. */
export interface IdSource {
  tenantId: string;
  env: string;
  roomId?: string | undefined;
  idempotencyKey?: string | undefined;
  /** The event's id, where the caller brought it. */
  eventId?: string | undefined;
}

/** An event id of our own making, or the caller's, as we write it. */
export function eventIdOf(given: string | undefined, nowMs: number): string {
  return given === undefined ? newEventId(nowMs) : given.toLowerCase();
}

/**
 * The id of a run that the caller did not name. A caller who brings the event's id and sends the command again means
 * the same run, so that the id comes from the event's.
 */
export function runIdOf(source: IdSource, nowMs: number): string {
  const { tenantId, env, roomId, idempotencyKey, eventId } = source;
  if (eventId === undefined) return newRunId(affinityOf(source), nowMs);
  const affinity = affinityOf({ tenantId, env, roomId, idempotencyKey: idempotencyKey ?? eventId });
  return `run_${timeHexOf(eventId, nowMs)}${affinity}${digestOf('run', tenantId, env, eventId).slice(0, 12)}`;
}

/** The id of a step that the caller did not name; derived as {@link runIdOf} does. */
export function stepIdOf(source: IdSource, nowMs: number): string {
  const { tenantId, env, eventId } = source;
  if (eventId === undefined) return newStepId(nowMs);
  return `step_${timeHexOf(eventId, nowMs)}${digestOf('step', tenantId, env, eventId).slice(0, 20)}`;
}

/** The time inside a UUID of version 7; zero for others, since a repeat has no other time in common with its first. */
function timeHexOf(eventId: string, nowMs: number): string {
  const hex = eventId.slice(0, 8) + eventId.slice(9, 13);
  const known = eventId[14] === '7' && Number.parseInt(hex, 16) <= nowMs + TIME_AHEAD_MS_MAX / 2;
  return known ? hex : '000000000000';
}

function digestOf(...parts: string[]): string {
  return createHash('sha256').update(parts.join('/')).digest('hex');
}
