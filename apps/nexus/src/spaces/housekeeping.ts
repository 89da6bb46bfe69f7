import { Index, type Table } from '@lancedb/lancedb';
import { spacePath, type SpaceKey } from '@runspine/contracts';
import { COLUMN, DISTANCE, TOKENIZER } from './space-schema.js';
import type { SpaceStore } from './space-store.js';
import { isConflict } from './space-tables.js';

export interface HousekeepingOptions {
  /** Between two looks. @default 10,000 */
  readonly intervalMs?: number;
  /** Spaces tended in one look. @default 16 */
  readonly spacesATick?: number;
  /** How long a version can be read after it was superseded. @default 7 days */
  readonly retentionMs?: number;
  /** Versions kept of a space even within the retention. @default 1,000 */
  readonly versionsMax?: number;
  /** Live chunks from which on a space has a vector index; below, flat search is as fast. @default 10,000 */
  readonly vectorIndexRowsMin?: number;
  /** Fragments from which on a space is compacted. @default 32 */
  readonly fragmentsMax?: number;
  /** Chunks that an index may not have yet; they are searched one by one. @default 5,000 */
  readonly unindexedRowsMax?: number;
}

/** What was done for a space. */
export interface Tended {
  readonly space: string;
  readonly optimised: boolean;
  readonly vectorIndexed: boolean;
  readonly versionsPruned: number;
  /** True when the bound on versions made the retention shorter than it is set. */
  readonly retentionShortened: boolean;
}

/** Told of what was done and of what failed: logging and metrics are the caller's. */
export interface HousekeepingReport {
  tended(tended: Tended): void;
  failed(space: string, error: unknown): void;
}

const ATTEMPTS_MAX = 5;
const ATTEMPTS_BESIDE_COMMITS = 3;
const BACKOFF_MS = 50;
/** Pruning alone is not worth a look at the whole table. */
const PRUNED_TOGETHER_MIN = 32;

/** Looks after spaces that this process writes: indexes, compaction, old versions. One space at a time. */
export class SpaceHousekeeping {
  readonly #options: Required<HousekeepingOptions>;
  readonly #due = new Map<string, SpaceKey>();
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(
    private readonly store: SpaceStore,
    private readonly report: HousekeepingReport,
    options: HousekeepingOptions = {},
  ) {
    this.#options = {
      intervalMs: 10_000,
      spacesATick: 16,
      retentionMs: 7 * 86_400_000,
      versionsMax: 1_000,
      vectorIndexRowsMin: 10_000,
      fragmentsMax: 32,
      unindexedRowsMax: 5_000,
      ...options,
    };
    store.onCommit((space) => this.#due.set(spacePath(space), space));
  }

  start(): void {
    this.#stopped = false;
    this.#timer = setTimeout(() => {
      this.#working = this.tick().finally(() => {
        if (!this.#stopped) this.start();
      });
    }, this.#options.intervalMs);
    this.#timer.unref();
  }

  /** Waits for the space that is being tended; nothing is begun after it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#working;
  }

  /** Tends some of the spaces that were committed to since they were last tended. */
  async tick(): Promise<void> {
    for (const [path, space] of [...this.#due].slice(0, this.#options.spacesATick)) {
      if (this.#stopped) return;
      this.#due.delete(path);
      try {
        const tended = await this.tend(space);
        if (tended) this.report.tended(tended);
      } catch (error) {
        this.#due.set(path, space);
        this.report.failed(path, error);
      }
    }
  }

  /** Does for a space what is due. Undefined: nothing was, or there is no such space. */
  async tend(space: SpaceKey): Promise<Tended | undefined> {
    const table = await this.store.tables.open(space);
    if (!table) return undefined;
    try {
      await retried(() => this.store.fold(space));
      await table.checkoutLatest();
      const vectorIndexed = await this.#vectorIndexDue(space, table);
      const { cleanupOlderThan, pruned, shortened } = await this.#prunable(space, table);
      const optimised = vectorIndexed || pruned >= PRUNED_TOGETHER_MIN || shortened || (await this.#untidy(table));
      if (!optimised) return undefined;
      await this.#optimise(space, table, cleanupOlderThan);
      // Compaction first: it would make an index that exists anew, which takes as long as building it.
      if (vectorIndexed)
        await retried(() => table.createIndex(COLUMN.vector, { config: Index.hnswSq({ distanceType: DISTANCE }) }));
      return {
        space: spacePath(space),
        optimised,
        vectorIndexed,
        versionsPruned: pruned,
        retentionShortened: shortened,
      };
    } finally {
      table.close();
    }
  }

  /**
   * Compacts, prunes and brings indexes up to date. Commits wait only where that is short, without a vector index, or
   * where they got in its way too often.
   */
  async #optimise(space: SpaceKey, table: Table, cleanupOlderThan: Date): Promise<void> {
    const optimise = async (): Promise<void> => {
      await table.checkoutLatest();
      await table.optimize({ cleanupOlderThan });
      const indexes = await table.listIndices();
      if (indexes.some(({ columns }) => columns.includes(COLUMN.text))) return;
      const { lowercase, ...tokenizer } = TOKENIZER;
      await table.createIndex(COLUMN.text, { config: Index.fts({ ...tokenizer, lowercase, withPosition: false }) });
    };
    const long = (await table.listIndices()).some(({ columns }) => columns.includes(COLUMN.vector));
    await retried((attempt) =>
      long && attempt < ATTEMPTS_BESIDE_COMMITS ? optimise() : this.store.mutex.run(spacePath(space), optimise),
    );
  }

  async #vectorIndexDue(space: SpaceKey, table: Table): Promise<boolean> {
    if ((await table.countRows()) < this.#options.vectorIndexRowsMin) return false;
    if ((await table.listIndices()).some(({ columns }) => columns.includes(COLUMN.vector))) return false;
    const info = await this.store.describe(space);
    return (info?.rows ?? 0) >= this.#options.vectorIndexRowsMin;
  }

  async #untidy(table: Table): Promise<boolean> {
    const indexes = await table.listIndices();
    if (!indexes.some(({ columns }) => columns.includes(COLUMN.text))) return true;
    if (indexes.some(({ numUnindexedRows = 0 }) => numUnindexedRows > this.#options.unindexedRowsMax)) return true;
    const { fragmentStats } = await table.stats();
    return fragmentStats.numSmallFragments > this.#options.fragmentsMax;
  }

  /**
   * LanceDB prunes by when a version was made, but a reader needs what was current: so only versions older than the one
   * that was current at the end of the retention go, and none that somebody reads from.
   */
  async #prunable(
    space: SpaceKey,
    table: Table,
  ): Promise<{ cleanupOlderThan: Date; pruned: number; shortened: boolean }> {
    const versions = (await table.listVersions()).sort((one, other) => one.version - other.version);
    const end = Date.now() - this.#options.retentionMs;
    const superseded = Math.max(
      0,
      versions.findLastIndex(({ timestamp }) => Number(timestamp) <= end),
    );
    const surplus = versions.length - this.#options.versionsMax;
    const read = this.store.tables.oldestRead(space);
    const readAt = read === undefined ? Infinity : versions.findIndex(({ version }) => version >= read);
    const kept = Math.min(Math.max(superseded, surplus, 0), readAt < 0 ? Infinity : readAt);
    const oldest = versions[kept];
    if (!oldest) return { cleanupOlderThan: new Date(0), pruned: 0, shortened: false };
    this.store.tables.forgetBefore(space, oldest.version);
    return { cleanupOlderThan: new Date(Number(oldest.timestamp)), pruned: kept, shortened: kept > superseded };
  }
}

async function retried<Result>(work: (attempt: number) => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      if (attempt >= ATTEMPTS_MAX || !isConflict(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, BACKOFF_MS * attempt * (0.5 + Math.random())));
    }
  }
}
