import type { PartitionBatch } from '@runspine/kafka';
import { pause } from '../remote/json-post.js';
import type { IngestParts } from './ingest-parts.js';
import type { PartitionLog } from './log/partition-log.js';
import { SpaceIngest } from './space-ingest.js';
import { IngestTask, type IngestRequested } from './task.js';

/** What of a partition may be in work at once. */
export interface PartitionLimits {
  readonly tasksMax: number;
  readonly bytesMax: number;
}

const ROOM_LOOK_MS = 20;
/** How long others wait for room before what fails and holds it is given up. */
const ROOM_MS_MAX = 2000;

/**
 * The requests of one partition in work. Its position is the lowest offset that is not done, so that after a crash all
 * that was not done comes again, and what was done beyond it is fenced by the tables.
 */
export class IngestPartition {
  private readonly spaces = new Map<string, SpaceIngest>();
  private readonly inWork = new Map<number, IngestTask>();
  private readonly stopping = new AbortController();
  private bytes = 0;
  private nextOffset: number;

  constructor(
    private readonly log: PartitionLog,
    private readonly parts: IngestParts,
    private readonly limits: PartitionLimits,
    private readonly onMoved: (position: number) => void,
    private readonly read: (record: PartitionBatch['records'][number]) => IngestRequested | undefined,
  ) {
    this.nextOffset = log.position;
  }

  /** Where a successor has to begin. */
  get position(): number {
    return this.inWork.keys().next().value ?? this.nextOffset;
  }

  get tasks(): number {
    return this.inWork.size;
  }

  /** Takes a batch into work, as room allows. What came before, as after a batch tried again, is not taken twice. */
  async take(batch: PartitionBatch): Promise<void> {
    if (!this.log.isSame(batch)) return;
    for (const record of batch.records) {
      if (record.offset < this.nextOffset) continue;
      const event = this.read(record);
      if (event) {
        const { partition, offset, value } = record;
        const task = new IngestTask(event, partition, offset, this.log.fenceOf(offset), value?.length ?? 0);
        await this.room();
        this.inWork.set(record.offset, task);
        this.bytes += task.bytes;
        this.nextOffset = record.offset + 1;
        this.spaceOf(task).push(task);
      } else this.nextOffset = record.offset + 1;
    }
    this.nextOffset = Math.max(this.nextOffset, batch.nextOffset);
    this.onMoved(this.position);
  }

  /** Lets go at once: what is being written is written, all else comes again. */
  async stop(): Promise<void> {
    this.abandon();
    await Promise.allSettled([...this.spaces.values()].map((space) => space.idle()));
  }

  /** Begins to let go, without waiting. */
  abandon(): void {
    this.stopping.abort(new Error('the partition was given up'));
  }

  private spaceOf(task: IngestTask): SpaceIngest {
    const known = this.spaces.get(task.path);
    if (known) return known;
    for (const [path, space] of this.spaces) if (space.quiet) this.spaces.delete(path);
    const made = new SpaceIngest(task.space, this.parts, this.log, this.stopping.signal, (done) => this.done(done));
    this.spaces.set(task.path, made);
    return made;
  }

  private async room(): Promise<void> {
    const sinceMs = Date.now();
    while (this.inWork.size >= this.limits.tasksMax || this.bytes >= this.limits.bytesMax) {
      await pause(ROOM_LOOK_MS, this.stopping.signal);
      if (Date.now() - sinceMs < ROOM_MS_MAX) continue;
      for (const space of this.spaces.values()) space.persistence.hurry();
    }
  }

  private done(task: IngestTask): void {
    this.inWork.delete(task.offset);
    this.bytes -= task.bytes;
    this.onMoved(this.position);
  }
}
