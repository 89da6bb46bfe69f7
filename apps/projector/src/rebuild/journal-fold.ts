import { inSnapshot, rowsOf } from '@runspine/projections/audit';
import { Replay } from '@runspine/run-model';
import type pg from 'pg';
import { storedPositions } from '../store/offsets.js';
import { type FoldedRun, JOURNAL_COLUMNS, type JournalEvent, keyOf, type VersionTables } from './version-tables.js';

/** Rows that wait to be written together. */
const ROWS_AT_ONCE = 2000;
const TAIL_AT_ONCE = 5000;

/** Where a fold has got to, by partition of the source. */
export type FoldPosition = ReadonlyMap<number, number>;

export interface FoldOptions {
  pool: pg.Pool;
  /** The runs topic, in full. */
  topic: string;
  /** Only this one's; null for all. */
  tenantId: string | null;
  signal: AbortSignal;
  /** Events folded so far. */
  progress: (events: number) => void;
}

/** The journal folded into a version's tables: once as it is, then what was added since. */
export class JournalFold {
  events = 0;

  constructor(
    private readonly options: FoldOptions,
    private readonly tables: VersionTables,
  ) {}

  /** All that one snapshot has. @returns the positions that it stands for */
  async whole(): Promise<FoldPosition> {
    const { pool, topic, tenantId } = this.options;
    return inSnapshot(pool, async (client) => {
      await client.query('SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 60000');
      const positions = await positionsOf(client, topic);
      const where = tenantId === null ? '' : `WHERE tenant_id = ${client.escapeLiteral(tenantId)}`;
      const query = `SELECT ${JOURNAL_COLUMNS} FROM run_events ${where} ORDER BY tenant_id, run_id, run_sequence`;
      await this.foldRuns(rowsOf<JournalEvent>(client, 'rebuild_journal', query));
      return positions;
    });
  }

  /**
   * What was recorded since, as `db` sees it: in a snapshot, all and no more than it has.
   * @returns the positions that it stands for now
   */
  async follow(
    from: FoldPosition,
    db: Pick<pg.Pool, 'query'> = this.options.pool,
  ): Promise<{ positions: FoldPosition; events: number }> {
    const positions = await positionsOf(db, this.options.topic);
    const tables = this.tables.over(db);
    let events = 0;
    for (const [partition, to] of positions) {
      for (let at = from.get(partition) ?? 0; at < to;) {
        const rows = await this.tail(db, partition, at, to);
        await this.apply(db, tables, rows);
        events += rows.length;
        at = rows.length < TAIL_AT_ONCE ? to : rows.at(-1)!.source_offset + 1;
      }
    }
    return { positions, events };
  }

  private async tail(
    db: Pick<pg.Pool, 'query'>,
    partition: number,
    from: number,
    to: number,
  ): Promise<(JournalEvent & Sourced)[]> {
    const { rows } = await db.query<JournalEvent & Sourced>(
      `SELECT ${JOURNAL_COLUMNS}, source_offset FROM run_events
       WHERE source_partition = $1 AND source_offset >= $2 AND source_offset < $3
         AND ($4::text IS NULL OR tenant_id = $4) ORDER BY source_offset LIMIT ${TAIL_AT_ONCE}`,
      [partition, from, to, this.options.tenantId],
    );
    return rows;
  }

  /** Run by run: a run's events follow one another. */
  private async foldRuns(chunks: AsyncIterable<JournalEvent[]>): Promise<void> {
    let run: FoldedRun | undefined;
    let current = '';
    let ready: FoldedRun[] = [];
    let rows = 0;
    let writing: Promise<void> = Promise.resolve();
    for await (const events of chunks) {
      this.options.signal.throwIfAborted();
      for (const event of events) {
        const key = keyOf(event);
        if (!run || key !== current) {
          if (run) {
            ready.push(run);
            rows += 1 + run.replay.steps.size;
          }
          run = { replay: new Replay(), head: '' };
          current = key;
        }
        run.replay.apply(event);
        run.head = event.stored_hash;
      }
      this.count(events.length);
      if (rows < ROWS_AT_ONCE) continue;
      // Written while the next ones are folded.
      await writing;
      writing = this.tables.add(ready);
      writing.catch(() => undefined);
      ready = [];
      rows = 0;
    }
    if (run) ready.push(run);
    await writing;
    if (ready.length > 0) await this.tables.add(ready);
  }

  /** Folds events onto what the tables have; a run that does not fit them is folded from its beginning. */
  private async apply(
    db: Pick<pg.Pool, 'query'>,
    tables: VersionTables,
    events: readonly JournalEvent[],
  ): Promise<void> {
    if (events.length === 0) return;
    this.options.signal.throwIfAborted();
    const byRun = Map.groupBy(events, keyOf);
    const known = await tables.load([...byRun.values()].map(([first]) => first!));
    const moved: FoldedRun[] = [];
    for (const [key, ofRun] of byRun) {
      const run = known.get(key) ?? { replay: new Replay(), head: '' };
      const version = run.replay.run?.version ?? 0;
      const fresh = ofRun.filter((event) => event.run_sequence > version);
      if (fresh.length === 0) continue;
      moved.push(fresh[0]!.run_sequence === version + 1 ? fold(run, fresh) : await this.fromBeginning(db, fresh[0]!));
    }
    if (moved.length > 0) await tables.replace(moved);
    await tables.moveRooms(events);
    this.count(events.length);
  }

  private async fromBeginning(db: Pick<pg.Pool, 'query'>, { tenant_id, run_id }: JournalEvent): Promise<FoldedRun> {
    const { rows } = await db.query<JournalEvent>(
      `SELECT ${JOURNAL_COLUMNS} FROM run_events WHERE tenant_id = $1 AND run_id = $2 ORDER BY run_sequence`,
      [tenant_id, run_id],
    );
    return fold({ replay: new Replay(), head: '' }, rows);
  }

  private count(events: number): void {
    this.events += events;
    this.options.progress(this.events);
  }
}

interface Sourced {
  source_offset: number;
}

async function positionsOf(db: Pick<pg.Pool, 'query'>, topic: string): Promise<FoldPosition> {
  const stored = await storedPositions(db, topic);
  return new Map([...stored.values()].map(({ partition, position }) => [partition, position]));
}

function fold(run: FoldedRun, events: readonly JournalEvent[]): FoldedRun {
  for (const event of events) {
    run.replay.apply(event);
    run.head = event.stored_hash;
  }
  return run;
}
