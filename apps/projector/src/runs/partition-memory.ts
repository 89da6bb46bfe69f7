import { isFinished } from '@runspine/run-model';
import type { BatchState, RoomInHand, RunInHand } from './batch-state.js';

/** Open runs, and rooms, that are remembered a partition. */
const RUNS_MAX = 1000;
const ROOMS_MAX = 10_000;
/** A run with more steps, or larger fields, is loaded each time instead. */
const STEPS_MAX = 50;
const FIELDS_LENGTH_MAX = 16 * 1024;

/** What a batch met, as it left it. */
export type StatesInHand = Pick<BatchState, 'runs' | 'rooms'>;

/**
 * What a partition's last batches left in hand, so that the next one need not load it: open runs and rooms, as
 * committed. True for as long as nobody else moves the partition's offset, which the compare-and-set watches; whatever
 * fails, it is forgotten.
 */
export class PartitionMemory {
  private readonly runs = new Map<string, RunInHand>();
  private readonly rooms = new Map<string, RoomInHand>();

  run(key: string): RunInHand | undefined {
    return this.runs.get(key);
  }

  room(key: string): RoomInHand | undefined {
    return this.rooms.get(key);
  }

  /** After a commit: keeps what is still open, the latest runs. */
  keep(state: StatesInHand): void {
    for (const [key, run] of state.runs) {
      this.runs.delete(key);
      if (!run.state || isFinished(run.state) || !isSmall(run)) continue;
      run.changed = false;
      run.changedSteps.clear();
      this.runs.set(key, run);
    }
    for (const [key, room] of state.rooms) {
      room.changed = false;
      this.rooms.set(key, room);
    }
    for (const key of this.runs.keys()) {
      if (this.runs.size <= RUNS_MAX) break;
      this.runs.delete(key);
    }
    if (this.rooms.size > ROOMS_MAX) this.rooms.clear();
  }

  /** After anything but a commit. */
  forget(): void {
    this.runs.clear();
    this.rooms.clear();
  }
}

/** Counted without writing it out, and no further than the bound. */
function isSmall({ state, steps }: RunInHand): boolean {
  if (!state || steps.size > STEPS_MAX) return false;
  let length = lengthOf(state.input) + lengthOf(state.metadata) + lengthOf(state.tags) + (state.command?.length ?? 0);
  for (const step of steps.values()) length += lengthOf(step.inputs) + lengthOf(step.output) + lengthOf(step.error);
  return length <= FIELDS_LENGTH_MAX;
}

function lengthOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (value === null || typeof value !== 'object') return 8;
  let length = 2;
  for (const key in value) {
    length += key.length + lengthOf((value as Record<string, unknown>)[key]);
    if (length > FIELDS_LENGTH_MAX) break;
  }
  return length;
}
