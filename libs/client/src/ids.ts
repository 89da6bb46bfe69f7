import { createHash, randomUUID } from 'node:crypto';

/** What decides a run's Kafka partition: its room, or chance. */
export interface AffinitySource {
  readonly tenant: string;
  readonly env: string;
  readonly room?: string | undefined;
}

const RUN_ID = /^run_[0-9a-f]{32}$/;
const STEP_ID = /^step_[0-9a-f]{32}$/;

/** True for `run_` and 32 hexadecimal digits. */
export const isRunId = (value: string): boolean => RUN_ID.test(value);
/** True for `step_` and 32 hexadecimal digits. */
export const isStepId = (value: string): boolean => STEP_ID.test(value);

/** Eight hex digits: the first of sha256(`tenant/env/room`), or random without a room. */
export function affinityOf({ tenant, env, room }: AffinitySource): string {
  if (room === undefined) return randomHex8();
  return createHash('sha256').update(`${tenant}/${env}/${room}`).digest('hex').slice(0, 8);
}

/** A new run id: `run_`, 12 hex digits of Unix milliseconds, 8 of affinity, 12 random. */
export function newRunId(affinity: string = randomHex8(), nowMs: number = Date.now()): string {
  return `run_${hexMs(nowMs)}${affinity}${randomUUID().slice(24)}`;
}

/** A new step id: `step_`, 12 hex digits of Unix milliseconds, 20 random. */
export function newStepId(nowMs: number = Date.now()): string {
  return `step_${hexMs(nowMs)}${randomHex8()}${randomUUID().slice(24)}`;
}

/** A new event id: UUID version 7 (RFC 9562), so that ids sort by time. */
export function newEventId(nowMs: number = Date.now()): string {
  const hex = hexMs(nowMs);
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7${randomUUID().slice(15)}`;
}

function hexMs(ms: number): string {
  return Math.trunc(ms).toString(16).padStart(12, '0');
}

// randomUUID keeps random bytes ahead: many times faster than asking for a few of them at each id.
function randomHex8(): string {
  return randomUUID().slice(0, 8);
}
