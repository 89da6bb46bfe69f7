import type { KeyObject } from 'node:crypto';
import { type PartitionBatch, PositionLost } from '@runspine/kafka';
import type { Logger } from '@runspine/service';
import pg from 'pg';
import { onceADelivery } from '../dead-letters/once-a-delivery.js';
import type { LogPositions } from '../log/log-positions.js';
import { foldNexus } from './fold-nexus.js';
import { type NexusEntry, readNexusRecords, type SetAside } from './nexus-entry.js';
import { loadNexus, saveNexus } from './nexus-store.js';
import { refusal } from '../store/refusal.js';

/** How often a transaction is tried again at once, for conflicts that the next try does not meet. */
const CONFLICT_TRIES_MAX = 5;

/** A contiguous part of a partition: what one transaction writes. */
interface Stretch {
  topic: string;
  partition: number;
  from: number;
  to: number;
  entries: readonly NexusEntry[];
}

export interface NexusProjectorOptions {
  pool: pg.Pool;
  positions: LogPositions;
  partitions: number;
  journalKey: KeyObject;
  logger: Logger;
  /** Keeps a record that nobody can read, or that contradicts the record; acknowledged when it resolves. */
  deadLetter: (setAside: SetAside) => Promise<void>;
}

/**
 * One Kafka batch of one partition of the nexus topic, in one transaction: its events join the journal of their
 * streams, tasks are folded, the offset moves by compare-and-set.
 */
export class NexusProjector {
  private readonly deadLetter: NexusProjectorOptions['deadLetter'];

  constructor(private readonly options: NexusProjectorOptions) {
    this.deadLetter = onceADelivery(options.deadLetter);
  }

  /**
   * Applies a batch. What is set aside is a dead letter, acknowledged before the offset moves past it.
   * @throws PositionLost when another consumer moved the position; any other error means: again, later.
   */
  async apply(batch: PartitionBatch): Promise<void> {
    const { entries, unreadable } = readNexusRecords(batch.records, this.options.partitions, Date.now());
    await Promise.all(unreadable.map((letter) => this.deadLetter(letter)));
    const { topic, partition, firstOffset: from, nextOffset: to } = batch;
    await this.applyStretch({ topic, partition, from, to, entries });
  }

  /** A stretch that PostgreSQL refuses is halved, until the one record that it refuses is alone and set aside. */
  private async applyStretch(stretch: Stretch): Promise<void> {
    try {
      await this.commit(stretch);
    } catch (error) {
      const sqlstate = refusal(error);
      if (sqlstate === undefined || stretch.entries.length === 0) throw error;
      const [only, second] = stretch.entries;
      if (only && !second) return this.park(stretch, only, sqlstate, error);
      const middle = Math.ceil(stretch.entries.length / 2);
      const boundary = stretch.entries[middle]!.record.offset;
      await this.applyStretch({ ...stretch, to: boundary, entries: stretch.entries.slice(0, middle) });
      await this.applyStretch({ ...stretch, from: boundary, entries: stretch.entries.slice(middle) });
    }
  }

  /** An event id that two partitions take at the same moment is a conflict, that the next look sees. */
  private async commit(stretch: Stretch): Promise<void> {
    const { pool, positions, journalKey, logger } = this.options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const state = await loadNexus(pool, stretch.entries);
        const folded = foldNexus(stretch.entries, state, journalKey, new Date().toISOString());
        await Promise.all(folded.setAside.map((letter) => this.deadLetter(letter)));
        return await saveNexus(pool, { ...stretch, clusterId: positions.clusterId }, folded);
      } catch (error) {
        if (error instanceof PositionLost) throw await positions.lost(stretch);
        if (!isConflict(error) || attempt >= CONFLICT_TRIES_MAX) throw error;
        logger.debug({ partition: stretch.partition, attempt, err: error }, 'conflict, trying again');
      }
    }
  }

  private async park(stretch: Stretch, { record, event }: NexusEntry, sqlstate: string, error: unknown): Promise<void> {
    const { partition } = stretch;
    this.options.logger.error(
      { partition, offset: record.offset, event: event.id, sqlstate, err: error },
      'PostgreSQL refuses this event alone: parked',
    );
    await this.deadLetter({
      record,
      fault: { code: 'event.parked', path: '', message: `SQLSTATE ${sqlstate}` },
    });
    await this.commit({ ...stretch, entries: [] });
  }
}

/** Deadlock, serialisation failure, or an event id that another partition took meanwhile. */
function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && ['40P01', '40001', '23505'].includes(error.code ?? '');
}
