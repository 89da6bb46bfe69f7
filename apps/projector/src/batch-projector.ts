import type { KeyObject } from 'node:crypto';
import { type PartitionBatch, PositionLost } from '@runspine/kafka';
import type { Logger } from '@runspine/service';
import pg from 'pg';
import type { LogPositions } from './log/log-positions.js';
import { CommitRounds } from './commit-rounds.js';
import { onceADelivery } from './dead-letters/once-a-delivery.js';
import { RecordsInHand } from './records-in-hand.js';
import { type Entry, readRecords, type Unreadable } from './runs/batch-reader.js';
import { BatchState } from './runs/batch-state.js';
import { PartitionMemory } from './runs/partition-memory.js';
import { parkEntry } from './runs/park-entry.js';
import { type FoldedBatch, foldBatch, type Told } from './runs/fold-batch.js';
import { type Notices, OutcomeNotices } from './log/outcome-notices.js';
import { erasePayloads } from './store/erase-payloads.js';
import { loadAll, loadMissing } from './store/load-batch.js';
import { ReservationLost, saveBatch } from './store/save-batch.js';
import { inTransaction, statementsOf } from './store/transaction.js';
import { refusal } from './store/refusal.js';

/** How often a transaction is tried again at once, for conflicts that the next try does not meet. */
const CONFLICT_TRIES_MAX = 5;

/** A contiguous part of a partition: what one transaction applies. */
interface Stretch {
  topic: string;
  partition: number;
  from: number;
  to: number;
  entries: readonly Entry[];
  /** Of the projections that it is folded on. */
  epoch: number;
}

/** A stretch, folded: what is to be written and told, and the states that have moved. */
interface Fold {
  folded: FoldedBatch;
  state: BatchState;
}

export interface BatchProjectorOptions {
  pool: pg.Pool;
  positions: LogPositions;
  partitions: number;
  journalKey: KeyObject;
  /** Most records that are decoded, folded and saved at once, over all partitions. */
  recordsInHandMax: number;
  logger: Logger;
  /** Keeps a record that nobody can read, or that PostgreSQL refuses; acknowledged when it resolves. */
  deadLetter: (unreadable: Unreadable) => Promise<void>;
  /** Tells the outcomes of a stretch, once they are committed. */
  tell: (partition: number, told: readonly Told[]) => Promise<void>;
}

/**
 * A Kafka batch of a partition in one transaction, together with those of other partitions that wait at that moment. The
 * offsets move in it, with compare-and-set, so that a consumer that lost a partition writes nothing; what it read before
 * is then forgotten. Outcomes leave only after the commit.
 */
export class BatchProjector {
  private readonly memories = new Map<string, { memory: PartitionMemory; position: number; epoch: number }>();
  private readonly rounds = new CommitRounds<Stretch, Told[]>((stretches) => this.commitTogether(stretches));

  private readonly inHand: RecordsInHand;
  private readonly notices: OutcomeNotices;
  private readonly deadLetter: BatchProjectorOptions['deadLetter'];

  constructor(private readonly options: BatchProjectorOptions) {
    this.inHand = new RecordsInHand(options.recordsInHandMax);
    this.notices = new OutcomeNotices(options.logger);
    this.deadLetter = onceADelivery(options.deadLetter);
  }

  /**
   * Applies a batch. Unreadable records are dead letters, acknowledged before the offset moves past them.
   * @throws PositionLost when another consumer moved the position; any other error means: again, later.
   */
  async apply(batch: PartitionBatch): Promise<void> {
    await this.inHand.hold(batch.records.length, () => this.applyNow(batch));
  }

  private async applyNow(batch: PartitionBatch): Promise<void> {
    const { entries, unreadable } = readRecords(batch.records, this.options.partitions, Date.now());
    await Promise.all(unreadable.map((letter) => this.deadLetter(letter)));
    const { topic, partition, firstOffset: from, nextOffset: to } = batch;
    const stretch = { topic, partition, from, to, entries, epoch: this.options.positions.epochOf(batch) };
    const told = await this.rounds.take(stretch);
    if (told) await this.options.tell(partition, told);
    else await this.applyStretch(stretch);
  }

  /** All of them or none. What one of them meets, it meets again alone, and there it is dealt with. */
  private async commitTogether(stretches: readonly Stretch[]): Promise<Told[][] | undefined> {
    const memories = stretches.map((stretch) => this.memoryOf(stretch));
    let notices: Notices | undefined;
    try {
      const recordedAt = new Date().toISOString();
      const folds: Fold[] = [];
      for (const [index, stretch] of stretches.entries()) {
        folds.push(await this.fold(stretch.entries, recordedAt, memories[index]));
      }
      notices = this.notices.of(folds.map(({ folded }) => folded.told));
      await this.save(stretches, folds, recordedAt, notices);
      folds.forEach(({ state }, index) => memories[index]!.keep(state));
      return folds.map(({ folded }) => folded.told);
    } catch (error) {
      for (const memory of memories) memory.forget();
      if (notices) this.notices.failed(error);
      this.options.logger.debug({ partitions: stretches.map(({ partition }) => partition), err: error }, 'each alone');
      return undefined;
    }
  }

  /** A stretch that PostgreSQL refuses is halved, until the one record that it refuses is alone and parked. */
  private async applyStretch(stretch: Stretch): Promise<void> {
    try {
      await this.options.tell(stretch.partition, await this.commit(stretch));
    } catch (error) {
      const sqlstate = refusal(error);
      if (sqlstate === undefined || stretch.entries.length === 0) throw error;
      const [only, second] = stretch.entries;
      if (only && !second) return this.park(stretch, only, sqlstate, error);
      const middle = Math.ceil(stretch.entries.length / 2);
      const boundary = stretch.entries[middle]!.offset;
      await this.applyStretch({ ...stretch, to: boundary, entries: stretch.entries.slice(0, middle) });
      await this.applyStretch({ ...stretch, from: boundary, entries: stretch.entries.slice(middle) });
    }
  }

  /** The first attempt takes for granted that no id came before; a key that says otherwise leads to a second look. */
  private async commit(stretch: Stretch): Promise<Told[]> {
    const memory = this.memoryOf(stretch);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const recordedAt = new Date().toISOString();
        const fold = await this.fold(stretch.entries, recordedAt, attempt === 1 ? memory : undefined);
        await this.save([stretch], [fold], recordedAt);
        memory.keep(fold.state);
        return fold.folded.told;
      } catch (error) {
        memory.forget();
        if (error instanceof PositionLost) throw await this.options.positions.lost(stretch);
        if (!isConflict(error, attempt) || attempt >= CONFLICT_TRIES_MAX) throw error;
        this.options.logger.debug({ partition: stretch.partition, attempt, err: error }, 'conflict, trying again');
      }
    }
  }

  private async fold(entries: readonly Entry[], recordedAt: string, memory?: PartitionMemory): Promise<Fold> {
    const { pool, journalKey } = this.options;
    const statements = statementsOf(pool);
    const state = memory ? await loadMissing(statements, entries, memory) : await loadAll(statements, entries);
    const folded = foldBatch(entries, state, journalKey, recordedAt);
    if (tookForNew(state)) throw new ReservationLost('A run was taken for new that may not be.');
    return { folded, state };
  }

  /** Valid from one batch to the next only: a gap means that another consumer was here, another epoch a rebuild. */
  private memoryOf({ topic, partition, from, to, epoch }: Stretch): PartitionMemory {
    const key = `${topic}/${partition}`;
    const known = this.memories.get(key);
    if (known?.position !== from || known.epoch !== epoch) known?.memory.forget();
    const memory = known?.memory ?? new PartitionMemory();
    this.memories.set(key, { memory, position: to, epoch });
    return memory;
  }

  /** The one record that PostgreSQL refuses: kept raw as a dead letter, with an outcome of its own. */
  private async park(stretch: Stretch, entry: Entry, sqlstate: string, error: unknown): Promise<void> {
    const { event, offset, record } = entry;
    this.options.logger.error(
      { partition: stretch.partition, offset, run: event.data.run_id, event: event.id, sqlstate, err: error },
      'PostgreSQL refuses this event alone: parked',
    );
    const detail = { code: 'event.parked', path: '', message: `SQLSTATE ${sqlstate}` } as const;
    await this.deadLetter({ record, fault: detail });
    const recordedAt = new Date().toISOString();
    const parked = parkEntry(entry, sqlstate, recordedAt);
    const state = new BatchState();
    try {
      await this.save([stretch], [{ folded: parked, state }], recordedAt);
    } catch (refused) {
      if (!(refused instanceof ReservationLost)) throw refused;
      // The id has an outcome already, of another event: it stays.
      await this.save([stretch], [{ folded: { ...parked, outcomes: [] }, state }], recordedAt);
    }
    await this.options.tell(stretch.partition, parked.told);
  }

  private async save(
    stretches: readonly Stretch[],
    folds: readonly Fold[],
    recordedAt: string,
    notices?: Notices,
  ): Promise<void> {
    const { pool, positions } = this.options;
    const moves = stretches.map((stretch) => ({ ...stretch, clusterId: positions.clusterId }));
    const erased = folds.flatMap(({ folded }) => folded.erased);
    if (erased.length === 0) return saveBatch(statementsOf(pool), moves, folds, recordedAt, notices);
    return inTransaction(pool, async (tx) => {
      await saveBatch(tx, moves, folds, recordedAt, notices);
      for (const run of erased) await erasePayloads(tx, run);
    });
  }
}

/**
 * True where a run that was taken for new, because the batch has a `run.created` of it, was not created after all: the
 * tables' keys did not see whether it exists, and what followed in the batch was decided without it.
 */
function tookForNew(state: BatchState): boolean {
  for (const run of state.runs.values()) if (run.complete && !run.state) return true;
  return false;
}

/** Deadlock, serialisation failure, or an id that came before where the first attempt took it for new. */
function isConflict(error: unknown, attempt: number): boolean {
  if (error instanceof ReservationLost) return true;
  if (!(error instanceof pg.DatabaseError)) return false;
  return error.code === '40P01' || error.code === '40001' || (error.code === '23505' && attempt === 1);
}
