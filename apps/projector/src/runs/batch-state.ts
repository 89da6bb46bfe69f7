import type { RunState, StepState } from '@runspine/run-model';
import type { OutcomeRow } from './outcome-row.js';

/** An idempotency key that came before, and what became of its first event. */
export interface KnownKey {
  /** Hex SHA-256 of route and body. */
  hash: string;
  outcome: OutcomeRow;
}

/** A run while a batch is folded, and between batches while it is open. */
export interface RunInHand {
  state: RunState | undefined;
  /** Hash of its last journal entry; null before the first. */
  head: string | null;
  /** The steps that the batch can move: addressed ones, and open ones where the run ends. */
  steps: Map<string, StepState>;
  /** True when `steps` are all there are: the run began under these eyes. */
  complete: boolean;
  changed: boolean;
  changedSteps: Set<string>;
}

/** A room while a batch is folded, and between batches. */
export interface RoomInHand {
  tenant_id: string;
  env: string;
  room_id: string;
  last_sequence: number;
  changed: boolean;
}

/** All that a batch meets, by tenant first: in hand or loaded before the fold, moved by it, saved after it. */
export class BatchState {
  readonly outcomes = new Map<string, OutcomeRow>();
  readonly keys = new Map<string, KnownKey>();
  readonly runs = new Map<string, RunInHand>();
  readonly rooms = new Map<string, RoomInHand>();

  /** The run of a `runKey`, or a place for it. */
  run(key: string): RunInHand {
    let run = this.runs.get(key);
    if (!run) {
      run = {
        state: undefined,
        head: null,
        steps: new Map(),
        complete: false,
        changed: false,
        changedSteps: new Set(),
      };
      this.runs.set(key, run);
    }
    return run;
  }

  /** The room, at 0 when nothing happened in it yet. */
  room(tenantId: string, env: string, roomId: string): RoomInHand {
    const key = roomKey(tenantId, env, roomId);
    let room = this.rooms.get(key);
    if (!room) {
      room = { tenant_id: tenantId, env, room_id: roomId, last_sequence: 0, changed: false };
      this.rooms.set(key, room);
    }
    return room;
  }
}

export const runKey = (tenantId: string, runId: string): string => `${tenantId}/${runId}`;
export const outcomeKey = (tenantId: string, eventId: string): string => `${tenantId}/${eventId}`;
export const idempotencyKey = (tenantId: string, env: string, key: string): string => `${tenantId}/${env}/${key}`;
export const roomKey = (tenantId: string, env: string, roomId: string): string => `${tenantId}/${env}/${roomId}`;
