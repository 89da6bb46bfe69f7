import type { KeyObject } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type PartitionBatch, PositionLost } from '@runspine/kafka';
import type { Logger } from '@runspine/service';
import pg from 'pg';
import type { LogPositions } from './log/log-positions.js';
import { CommitRounds, LARGE_ENTRIES } from './commit-rounds.js';
import { onceADelivery } from './dead-letters/once-a-delivery.js';
import { RecordsInHand } from './records-in-hand.js';
import { type Entry, readRecords, type Unreadable } from './runs/batch-reader.js';
import { BatchState } from './runs/batch-state.js';
import { PartitionMemory, type StatesInHand } from './runs/partition-memory.js';
import { parkEntry } from './runs/park-entry.js';
import { type FoldedBatch, foldBatch, type Told } from './runs/fold-batch.js';
import { type Notices, OutcomeNotices } from './log/outcome-notices.js';
import { erasePayloads } from './store/erase-payloads.js';
import { loadAll, loadMissing } from './store/load-batch.js';
import { type BatchWrite, batchWrite, type Fold, ReservationLost, saveBatch } from './store/save-batch.js';
import { inTransaction, statementsOf } from './store/transaction.js';
import { refusal } from './store/refusal.js';
import type { Advance } from './store/row-columns.js';

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

/** Tells the outcomes of a stretch, once they are committed. Resolves when the next may be told. */
export type Telling = () => Promise<void>;

/**
 * What is left of stretches once they are folded: bytes for PostgreSQL, the states that were met, what to tell. Of a large
 * round nothing else is kept while PostgreSQL writes, but the records as they came: events and rows would outlive two
 * young collections, which copy them each time.
 */
interface Prepared {
  write: BatchWrite;
  erased: FoldedBatch['erased'];
  states: readonly StatesInHand[];
  tellings: readonly Telling[];
  /** The commit tells who waits. */
  notifies: boolean;
}

export interface BatchProjectorOptions {
  pool: pg.Pool;
  positions: LogPositions;
  partitions: number;
  journalKey: KeyObject;
  /** Most records that are decoded, folded and saved at once, over all partitions. */
  recordsInHandMax: number;
  /** Most transactions of several partitions, or of large batches, at a time. */
  roundsMax: number;
  logger: Logger;
  /** Keeps a record that nobody can read, or that PostgreSQL refuses; acknowledged when it resolves. */
  deadLetter: (unreadable: Unreadable) => Promise<void>;
  /** Makes what tells the outcomes of a stretch, before they are committed: it should hold as little as it can. */
  telling: (partition: number, told: readonly Told[]) => Telling;
}

/**
 * A Kafka batch of a partition in one transaction, together with those of other partitions that wait at that moment. The
 * offsets move in it, with compare-and-set, so that a consumer that lost a partition writes nothing; what it read before
 * is then forgotten. Outcomes leave only after the commit.
 */
export class BatchProjector {
  private readonly memories = new Map<string, { memory: PartitionMemory; position: number; epoch: number }>();
  private readonly rounds: CommitRounds<Stretch, Telling>;
  private readonly inHand: RecordsInHand;
  private readonly notices: OutcomeNotices;
  private readonly deadLetter: BatchProjectorOptions['deadLetter'];

  constructor(private readonly options: BatchProjectorOptions) {
    this.rounds = new CommitRounds((stretches) => this.commitTogether(stretches), options.roundsMax);
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

  /** A round that was not committed is read anew, at the time of before: what is readable stays so. */
  private async applyNow(batch: PartitionBatch): Promise<void> {
    // What this turn has folded is sent first: PostgreSQL writes it while this is read.
    if (batch.records.length >= LARGE_ENTRIES) await nextTurn();
    const nowMs = Date.now();
    const telling = await this.commitInRound(batch, nowMs);
    if (telling) await telling();
    else await this.applyStretch(this.stretchOf(batch, this.read(batch, nowMs).entries));
  }

  /** Undefined where its round was not committed. Not async, so that nothing holds the entries but the round. */
  private commitInRound(batch: PartitionBatch, nowMs: number): Promise<Telling | undefined> {
    const { entries, unreadable } = this.read(batch, nowMs);
    const stretch = this.stretchOf(batch, entries);
    if (unreadable.length === 0) return this.rounds.take(stretch);
    return Promise.all(unreadable.map((letter) => this.deadLetter(letter))).then(() => this.rounds.take(stretch));
  }

  private read({ records }: PartitionBatch, nowMs: number): ReturnType<typeof readRecords> {
    return readRecords(records, this.options.partitions, nowMs);
  }

  private stretchOf(batch: PartitionBatch, entries: readonly Entry[]): Stretch {
    const { topic, partition, firstOffset: from, nextOffset: to } = batch;
    return { topic, partition, from, to, entries, epoch: this.options.positions.epochOf(batch) };
  }

  /**
   * All of them or none, taking for granted that no id came before. What one of them meets, it meets again alone, and
   * there it is dealt with.
   */
  private commitTogether(stretches: readonly Stretch[]): Promise<readonly Telling[] | undefined> {
    const partitions = stretches.map(({ partition }) => partition);
    const memories = stretches.map((stretch) => this.memoryOf(stretch));
    return this.save(this.prepare(stretches, memories), memories).catch((error: unknown) => {
      this.options.logger.debug({ partitions, err: error }, 'each alone');
      return undefined;
    });
  }

  /** A stretch that PostgreSQL refuses is halved, until the one record that it refuses is alone and parked. */
  private async applyStretch(stretch: Stretch): Promise<void> {
    try {
      const telling = await this.commit(stretch);
      await telling();
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

  /** Alone, and with all that PostgreSQL has of what the entries can meet. */
  private async commit(stretch: Stretch): Promise<Telling> {
    const memory = this.memoryOf(stretch);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const [telling] = await this.save(this.prepare([stretch]), [memory]);
        return telling!;
      } catch (error) {
        if (error instanceof PositionLost) throw await this.options.positions.lost(stretch);
        if (!isConflict(error, attempt) || attempt >= CONFLICT_TRIES_MAX) throw error;
        this.options.logger.debug({ partition: stretch.partition, attempt, err: error }, 'conflict, trying again');
      }
    }
  }

  /**
   * Loads and folds.
   * @param memories of each stretch, for a round: it loads what they lack, and its commit tells who waits. Without them all
   * that the entries can meet is loaded.
   */
  private async prepare(stretches: readonly Stretch[], memories?: readonly PartitionMemory[]): Promise<Prepared> {
    const recordedAt = new Date().toISOString();
    const folds: Fold[] = [];
    for (const [index, { entries }] of stretches.entries()) {
      folds.push(await this.fold(entries, recordedAt, memories?.[index]));
    }
    const notices = memories && this.notices.of(folds.map(({ folded }) => folded.told));
    return this.prepared(stretches, folds, recordedAt, notices);
  }

  private async fold(entries: readonly Entry[], recordedAt: string, memory?: PartitionMemory): Promise<Fold> {
    const { pool, journalKey } = this.options;
    const statements = statementsOf(pool);
    const state = memory ? await loadMissing(statements, entries, memory) : await loadAll(statements, entries);
    const folded = foldBatch(entries, state, journalKey, recordedAt);
    if (tookForNew(state)) throw new ReservationLost('A run was taken for new that may not be.');
    return { folded, state };
  }

  private prepared(
    stretches: readonly Stretch[],
    folds: readonly Fold[],
    recordedAt: string,
    notices?: Notices,
  ): Prepared {
    const moves = stretches.map((stretch): Advance => ({ ...stretch, clusterId: this.options.positions.clusterId }));
    return {
      write: batchWrite(moves, folds, recordedAt, notices),
      erased: folds.flatMap(({ folded }) => folded.erased),
      states: folds.map(({ state: { runs, rooms } }) => ({ runs, rooms })),
      tellings: folds.map(({ folded }, index) => this.options.telling(stretches[index]!.partition, folded.told)),
      notifies: notices !== undefined,
    };
  }

  /** Writes what was prepared, and remembers it; whatever fails, the partitions are forgotten. */
  private async save(preparing: Promise<Prepared>, memories: readonly PartitionMemory[]): Promise<readonly Telling[]> {
    let notifies = false;
    try {
      const prepared = await preparing;
      notifies = prepared.notifies;
      await this.write(prepared);
      prepared.states.forEach((states, index) => memories[index]!.keep(states));
      return prepared.tellings;
    } catch (error) {
      for (const memory of memories) memory.forget();
      if (notifies) this.notices.failed(error);
      throw error;
    }
  }

  private async write({ write, erased }: Prepared): Promise<void> {
    const { pool } = this.options;
    if (erased.length === 0) return saveBatch(statementsOf(pool), write);
    await inTransaction(pool, async (tx) => {
      await saveBatch(tx, write);
      for (const run of erased) await erasePayloads(tx, run);
    });
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
    const prepared = this.prepared([stretch], [{ folded: parked, state }], recordedAt);
    try {
      await this.write(prepared);
    } catch (refused) {
      if (!(refused instanceof ReservationLost)) throw refused;
      // The id has an outcome already, of another event: it stays.
      await this.write(this.prepared([stretch], [{ folded: { ...parked, outcomes: [] }, state }], recordedAt));
    }
    await prepared.tellings[0]!();
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

/** Deadlock, serialisation failure, or an id that somebody else took meanwhile. */
function isConflict(error: unknown, attempt: number): boolean {
  if (error instanceof ReservationLost) return true;
  if (!(error instanceof pg.DatabaseError)) return false;
  return error.code === '40P01' || error.code === '40001' || (error.code === '23505' && attempt === 1);
}
