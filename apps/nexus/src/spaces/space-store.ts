import type { Table } from '@lancedb/lancedb';
import { isNameId, SYSTEM_TENANT, spacePath, type SpaceKey } from '@runspine/contracts';
import { analyse } from './analysed-changes.js';
import { ForkedCommits } from './commit-chain.js';
import type { DocumentChange } from './document-change.js';
import { foldCommits } from './commit-fold.js';
import { KeyedMutex } from './keyed-mutex.js';
import { VersionGone, type PinnedSpace } from './pinned-space.js';
import { embeddingOf, type SpaceEmbedding } from './space-schema.js';
import { SpaceStatistics } from './space-statistics.js';
import { SpaceTables, type SpaceFolder, type StoreRoute } from './space-tables.js';
import { SpaceWriter, type Committed, type Fence } from './space-writer.js';

export interface SpaceStoreOptions {
  /** Bound of each of LanceDB's two caches (indexes; metadata), all spaces together. @default 256 MiB */
  readonly cacheBytes?: number;
  /** Open handles on spaces, and as many on pinned versions. @default 256 */
  readonly handlesMax?: number;
  /** Term statistics kept in memory, all spaces together. @default 128 MiB */
  readonly statisticsBytesMax?: number;
  /** Documents whose source offsets are kept in memory for writing, all spaces together; some 150 bytes each. @default 500,000 */
  readonly documentsKeptMax?: number;
}

/** What is known of a space as a whole. */
export interface SpaceInfo {
  readonly key: SpaceKey;
  /** Live chunks. */
  readonly rows: number;
  readonly documents: number;
  /** Data and index files of this version. */
  readonly bytes: number;
  readonly version: number;
  readonly embedding: SpaceEmbedding;
}

/** Which spaces of a folder: so many, those with names after `after`. */
export interface SpacePage {
  readonly limit: number;
  readonly after?: string | undefined;
}

/** How often a space that is found forked is looked at again or repaired while it is opened. */
const REPAIRS_MAX = 12;
const LOOKS_BEFORE_REPAIR = 4;
const LOOK_AGAIN_MS = 40;
const WRITERS_KEPT_MAX = 256;
const SPACES_DESCRIBED_AT_ONCE = 8;

/** The spaces of a process, on LanceDB. */
export class SpaceStore {
  readonly tables: SpaceTables;
  /** One writer a space: commits, repairs and housekeeping take turns. */
  readonly mutex = new KeyedMutex();
  readonly #statistics: SpaceStatistics;
  readonly #writers = new Map<string, SpaceWriter>();
  readonly #documentsKeptMax: number;
  readonly #embeddings = new WeakMap<Table, SpaceEmbedding>();
  readonly #committed: ((space: SpaceKey) => void)[] = [];

  constructor(route: StoreRoute, options: SpaceStoreOptions = {}) {
    const { cacheBytes = 256 * 2 ** 20, handlesMax = 256, statisticsBytesMax = 128 * 2 ** 20 } = options;
    this.tables = new SpaceTables(route, { cacheBytes, handlesMax });
    this.#statistics = new SpaceStatistics(statisticsBytesMax);
    this.#documentsKeptMax = options.documentsKeptMax ?? 500_000;
  }

  /** Tells of every commit: what housekeeping looks after. */
  onCommit(listener: (space: SpaceKey) => void): void {
    this.#committed.push(listener);
  }

  /**
   * All changes in one version of the table; the first commit makes the space. A document whose change is not newer
   * than what the space has keeps what it has, and is named in `stale`: a redelivery, or a stale owner, changes nothing.
   * Of several changes of one document the newest counts. `fence` is asked before anything is written.
   * @throws ServiceError nexus.embedding_mismatch, nexus_store.missing_route, and what `fence` throws; nothing is
   * written then
   */
  async commit(
    space: SpaceKey,
    embedding: SpaceEmbedding,
    changes: readonly DocumentChange[],
    fence?: Fence,
  ): Promise<Committed> {
    const analysing = analyse(embedding, changes);
    // The place in the line is that of the call; a fault is met where its turn comes.
    analysing.catch(() => undefined);
    const committed = await this.mutex.run(spacePath(space), async () => {
      const analysed = await analysing;
      return (await this.#writer(space)).commit(analysed, fence);
    });
    for (const listener of this.#committed) listener(space);
    return committed;
  }

  /**
   * A space at one version, the newest unless one is named. Undefined: there is no such space.
   * @throws VersionGone
   * @throws ServiceError nexus_store.missing_route
   */
  async open(space: SpaceKey, version?: number): Promise<PinnedSpace | undefined> {
    for (let repairs = 0; ; repairs++) {
      const latest = await this.tables.latest(space);
      if (!latest) return undefined;
      try {
        return await this.#pinned(space, version ?? (await latest.version()));
      } catch (error) {
        if (!(error instanceof ForkedCommits)) throw error;
        if (version !== undefined) throw new VersionGone(spacePath(space), version);
        if (repairs >= REPAIRS_MAX) throw error;
        // The writer that made the fork repairs it at once, if it lives: two that repair are in each other's way.
        if (repairs < LOOKS_BEFORE_REPAIR)
          await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS * (repairs + 1)));
        else await this.mutex.run(spacePath(space), async () => (await this.#writer(space)).repair());
      }
    }
  }

  /**
   * Puts the statistics of many commits into few rows, so that a process that does not know the space has less to
   * read; nothing changes in what they say.
   */
  async fold(space: SpaceKey): Promise<void> {
    await this.mutex.run(spacePath(space), async () => {
      const table = await this.tables.latest(space);
      if (table) await foldCommits(table);
    });
  }

  /** Undefined: there is no such space. */
  async describe(space: SpaceKey): Promise<SpaceInfo | undefined> {
    const pinned = await this.open(space);
    if (!pinned) return undefined;
    try {
      const { totalBytes } = await pinned.table.stats();
      const { key, rows, documents, version, embedding } = pinned;
      return { key, rows, documents, bytes: totalBytes, version, embedding };
    } finally {
      pinned.release();
    }
  }

  /** A page of a folder's spaces, by name; `next` is the name that the next page begins after. Opens no others. */
  async list(folder: SpaceFolder, { limit, after }: SpacePage): Promise<{ spaces: SpaceInfo[]; next: string | null }> {
    if (!(await this.tables.exists(folder))) return { spaces: [], next: null };
    const found = await this.#names(folder, limit + 1, after);
    const names = found.slice(0, limit);
    const spaces: SpaceInfo[] = [];
    for (let from = 0; from < names.length; from += SPACES_DESCRIBED_AT_ONCE) {
      const some = names.slice(from, from + SPACES_DESCRIBED_AT_ONCE);
      const described = await Promise.all(some.map((spaceId) => this.describe(keyIn(folder, spaceId))));
      spaces.push(...described.filter((info) => info !== undefined));
    }
    return { spaces, next: found.length > limit ? (names.at(-1) as string) : null };
  }

  /** Closes the handles. What is still read from stays open until it is released. */
  async close(): Promise<void> {
    this.#writers.clear();
    this.tables.close();
  }

  async #pinned(space: SpaceKey, version: number): Promise<PinnedSpace> {
    const { table, release } = await this.tables.pin(space, version);
    try {
      const statistics = await this.#statistics.of(await this.tables.keyOf(space), table, version);
      const embedding = this.#embeddings.get(table) ?? embeddingOf(await table.schema());
      this.#embeddings.set(table, embedding);
      return {
        key: space,
        version,
        table,
        embedding,
        rows: statistics.chunks,
        documents: statistics.documents,
        statistics,
        release,
      };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** The space's writer. Those used longest ago are forgotten when together they remember too many documents. */
  async #writer(space: SpaceKey): Promise<SpaceWriter> {
    const key = await this.tables.keyOf(space);
    const writer = this.#writers.get(key) ?? new SpaceWriter(space, key, this.tables, this.#statistics);
    this.#writers.delete(key);
    this.#writers.set(key, writer);
    let documents = 0;
    for (const each of this.#writers.values()) documents += each.documents;
    for (const [other, each] of this.#writers) {
      if (documents <= this.#documentsKeptMax && this.#writers.size <= WRITERS_KEPT_MAX) break;
      if (each === writer) continue;
      documents -= each.documents;
      this.#writers.delete(other);
    }
    return writer;
  }

  async #names(folder: SpaceFolder, count: number, after: string | undefined): Promise<string[]> {
    const connection = await this.tables.connection(folder);
    const names: string[] = [];
    let startAfter = after;
    for (;;) {
      const some = await connection.tableNames({ limit: count, ...(startAfter !== undefined && { startAfter }) });
      // Other tables lie beside the spaces, under names that no space can have.
      names.push(...some.filter(isNameId));
      if (names.length >= count || some.length < count) return names.slice(0, count);
      startAfter = some.at(-1);
    }
  }
}

function keyIn({ tenantId, env, projectId, surfaceId }: SpaceFolder, spaceId: string): SpaceKey {
  const scope = tenantId === SYSTEM_TENANT ? 'global' : 'tenant';
  return { scope, tenantId, env, projectId, surfaceId, spaceId };
}
