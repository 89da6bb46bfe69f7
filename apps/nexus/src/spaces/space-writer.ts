import type { Table } from '@lancedb/lancedb';
import { ServiceError, type SpaceKey } from '@runspine/contracts';
import { prepared, type AnalysedChanges } from './analysed-changes.js';
import {
  ForkedCommits,
  NO_COMMIT,
  addTo,
  commitRowId,
  encodeDelta,
  nextCommit,
  readChain,
  sameHead,
  type CommitHead,
  type CommitRecord,
  type StatisticsDelta,
} from './commit-chain.js';
import type { DocumentChange } from './document-change.js';
import { putBackOverwritten } from './space-creation.js';
import { repairSpace } from './space-repair.js';
import { arrowRows, arrowTable, commitRow } from './space-rows.js';
import { COLUMN, LIVE, decodeTerms, embeddingOf, sqlText, type SpaceEmbedding } from './space-schema.js';
import type { SpaceStatistics } from './space-statistics.js';
import { isConflict, type SpaceTables } from './space-tables.js';

/** What a commit did. */
export interface Committed {
  /** The version that has it: the newest one when nothing was to be written. 0: the space does not exist. */
  readonly version: number;
  /** Documents and chunks written; removals count as documents. */
  readonly documents: number;
  readonly chunks: number;
  /** Documents whose change is not newer than what the space has, and was left out. */
  readonly stale: readonly string[];
}

/** Told the newest source offset that the space has; throws where that cannot be. */
export type Fence = (newest: number) => Promise<void>;

/** What a writer keeps of its space between commits, true for as long as `head` is the newest commit. */
interface WriterState {
  readonly table: Table;
  readonly embedding: SpaceEmbedding;
  readonly head: CommitHead;
  readonly version: number;
  /** When that was the newest version, by performance.now(). */
  readonly seenMs: number;
  /** Every document ever written, removed ones included, and its source offset. */
  readonly offsets: Map<string, number>;
  /** The largest of them; -1 where there is none. */
  readonly newest: number;
}

/** What was so this long ago is taken for so: a commit of somebody else in between is seen as soon as ours is there. */
const UNSEEN_MS_MAX = 50;
const ATTEMPTS_MAX = 12;
const BACKOFF_MS = 40;

/**
 * Writes one space, one commit at a time (its owner holds the space's mutex). LanceDB has no conditional append, so
 * each commit is numbered: when another process (a stale owner) wrote meanwhile, two commits claim one number, which
 * this process sees before it answers, and any reader before it reads; the space is then repaired by what fences it,
 * the source offset of each document.
 */
export class SpaceWriter {
  #state: WriterState | undefined;

  constructor(
    private readonly space: SpaceKey,
    /** Of the space, in the statistics: `SpaceTables.keyOf`. */
    private readonly key: string,
    private readonly tables: SpaceTables,
    private readonly statistics: SpaceStatistics,
  ) {}

  /** Documents that the writer remembers: its memory, for the store's bound. */
  get documents(): number {
    return this.#state?.offsets.size ?? 0;
  }

  /** @throws ServiceError nexus.embedding_mismatch, nothing written */
  async commit(changes: AnalysedChanges, fence?: Fence): Promise<Committed> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(changes, attempt > 1, fence);
      } catch (error) {
        this.#state = undefined;
        if (attempt >= ATTEMPTS_MAX || !(isConflict(error) || error instanceof ForkedCommits)) throw error;
        // Two that repair at once fork again: whoever comes later finds nothing left to do.
        const waitMs = BACKOFF_MS * 2 ** Math.min(attempt, 6) * Math.random();
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        if (error instanceof ForkedCommits) await this.repair();
      }
    }
  }

  /** Puts a space right that two processes wrote at once. */
  async repair(): Promise<void> {
    this.#state = undefined;
    const table = await this.tables.open(this.space);
    if (!table) return;
    try {
      if (await repairSpace(table)) this.statistics.forget(this.key);
    } finally {
      table.close();
    }
  }

  async #attempt(analysed: AnalysedChanges, again: boolean, fence: Fence | undefined): Promise<Committed> {
    const { changes } = analysed;
    const state = await this.#load();
    if (state) requireEmbedding(state.embedding, analysed.embedding);
    if (state) await fence?.(state.newest);
    const newest = new Map<string, DocumentChange>();
    for (const change of changes) {
      if ((newest.get(change.documentId)?.sourceOffset ?? -1) <= change.sourceOffset)
        newest.set(change.documentId, change);
    }
    const stale: string[] = [];
    const written: DocumentChange[] = [];
    for (const change of newest.values()) {
      const stored = state?.offsets.get(change.documentId) ?? -1;
      if (change.sourceOffset > stored) continue;
      newest.delete(change.documentId);
      // An attempt before this one may have written it, although it then threw.
      if (again && change.sourceOffset === stored) written.push(change);
      else stale.push(change.documentId);
    }
    const accepted = [...newest.values()];
    const version = accepted.length > 0 ? await this.#write(state, accepted, analysed) : (state?.version ?? 0);
    const all = [...accepted, ...written];
    return {
      version,
      documents: all.length,
      chunks: all.reduce((sum, change) => sum + change.chunks.length, 0),
      stale,
    };
  }

  async #write(
    state: WriterState | undefined,
    changes: readonly DocumentChange[],
    analysed: AnalysedChanges,
  ): Promise<number> {
    const replaced = changes.filter(({ documentId }) => state?.offsets.has(documentId));
    const { embedding, terms } = analysed;
    const all = changes.length === analysed.changes.length;
    const { rows, delta, statistics } = all ? analysed.whole : prepared(embedding, changes, terms);
    const less = state && replaced.length > 0 ? await lessReplaced(state.table, delta, replaced) : delta;
    const record = { ...nextCommit(state?.head ?? NO_COMMIT), ...less };
    const encoded = less === delta ? statistics : encodeDelta(less);
    const committed = arrowRows(embedding, [commitRow(commitRowId(record), encoded)]);
    const data = arrowTable(embedding, [rows, committed], !state);
    if (!state) {
      const connection = await this.tables.connection(this.space);
      const table = await connection.createTable(this.space.spaceId, data, { mode: 'create' });
      const version = await table.version();
      if (version !== 1) {
        await putBackOverwritten(table, record);
        throw new ForkedCommits(false);
      }
      return this.#written(
        { table, embedding, head: NO_COMMIT, version: 0, seenMs: 0, offsets: new Map(), newest: -1 },
        record,
        changes,
        version,
      );
    }
    const { table } = state;
    const { version } = replaced.length === 0 ? await table.add(data) : await replaceRows(table, replaced, data);
    if (version !== state.version + 1) await requireHead(table, record);
    return this.#written(state, record, changes, version);
  }

  #written(state: WriterState, record: CommitRecord, changes: readonly DocumentChange[], version: number): number {
    const { offsets } = state;
    let { newest } = state;
    for (const { documentId, sourceOffset } of changes) {
      offsets.set(documentId, sourceOffset);
      newest = Math.max(newest, sourceOffset);
    }
    this.statistics.advance(this.key, state.head, version, record);
    const head = { to: record.to, mark: record.mark };
    this.#state = { ...state, newest, version, seenMs: performance.now(), head };
    return version;
  }

  /** What is kept, if it is still true; otherwise read anew. Undefined: there is no such space. */
  async #load(): Promise<WriterState | undefined> {
    const kept = this.#state;
    if (kept && performance.now() - kept.seenMs < UNSEEN_MS_MAX) return kept;
    const table = kept?.table ?? (await this.tables.open(this.space));
    if (!table) return undefined;
    const seenMs = performance.now();
    await table.checkoutLatest();
    const version = await table.version();
    if (kept?.version === version) return (this.#state = { ...kept, seenMs });
    const head = (await readChain(table)).at(-1) as CommitHead;
    // Optimising makes versions without commits.
    this.#state =
      kept && sameHead(kept.head, head)
        ? { ...kept, version, seenMs }
        : { table, embedding: embeddingOf(await table.schema()), head, version, seenMs, ...(await readOffsets(table)) };
    if (version !== (await table.version())) throw new Error('conflict: the space moved while it was read');
    return this.#state;
  }
}

function requireEmbedding(stored: SpaceEmbedding, embedding: SpaceEmbedding): void {
  if (stored.model === embedding.model && stored.dimension === embedding.dimension) return;
  const message = `the space was made with ${stored.model} (${stored.dimension} dimensions)`;
  throw new ServiceError('nexus.embedding_mismatch', message, { embedding: stored, given: { ...embedding } });
}

/** Other versions came between. Those of optimising do not matter; a commit of somebody else does. */
async function requireHead(table: Table, record: CommitRecord): Promise<void> {
  await table.checkoutLatest();
  const chain = await readChain(table);
  if (!sameHead(chain.at(-1) as CommitHead, record)) throw new ForkedCommits(false);
}

async function readOffsets(table: Table): Promise<Pick<WriterState, 'offsets' | 'newest'>> {
  const offsets = new Map<string, number>();
  let newest = -1;
  const rows = table.query().where(`${COLUMN.chunkIndex} IN (0, -1)`).select([COLUMN.documentId, COLUMN.sourceOffset]);
  for await (const batch of rows) {
    const [ids, values] = [batch.getChild(COLUMN.documentId), batch.getChild(COLUMN.sourceOffset)];
    for (let at = 0; at < batch.numRows; at++) {
      const offset = Number(values?.get(at));
      offsets.set(ids?.get(at) as string, offset);
      newest = Math.max(newest, offset);
    }
  }
  return { offsets, newest };
}

/** What a commit changes in the statistics: what its rows add, less the chunks that they replace. */
async function lessReplaced(
  table: Table,
  delta: StatisticsDelta,
  replaced: readonly DocumentChange[],
): Promise<StatisticsDelta> {
  let { chunks, tokens } = delta;
  const terms = new Map(delta.terms);
  const gone = new Set<string>();
  const rows = table
    .query()
    .where(`${among(replaced)} AND ${LIVE}`)
    .select([COLUMN.documentId, COLUMN.terms, COLUMN.tokenCount]);
  for await (const batch of rows) {
    const [ids, lists, lengths] = [COLUMN.documentId, COLUMN.terms, COLUMN.tokenCount].map((name) =>
      batch.getChild(name),
    );
    for (let at = 0; at < batch.numRows; at++) {
      chunks--;
      gone.add(ids?.get(at) as string);
      tokens -= lengths?.get(at) as number;
      for (const [term] of decodeTerms(lists?.get(at) as string)) addTo(terms, term, -1);
    }
  }
  return { documents: delta.documents - gone.size, chunks, tokens, terms };
}

/**
 * In one version: rows of the same id are overwritten, new ones inserted, those left over deleted; each only where the
 * stored row is not newer, so that whatever races, the newest rows are never lost.
 */
async function replaceRows(
  table: Table,
  replaced: readonly DocumentChange[],
  data: Parameters<Table['add']>[0],
): Promise<{ version: number }> {
  const byOffset = Map.groupBy(replaced, (change) => change.sourceOffset);
  const older = [...byOffset]
    .map(([offset, group]) => `(${among(group)} AND ${COLUMN.sourceOffset} <= ${offset})`)
    .join(' OR ');
  return table
    .mergeInsert(COLUMN.id)
    .whenMatchedUpdateAll({ where: `source.${COLUMN.sourceOffset} >= target.${COLUMN.sourceOffset}` })
    .whenNotMatchedInsertAll()
    .whenNotMatchedBySourceDelete({ where: older })
    .useIndex(false)
    .execute(data);
}

function among(changes: readonly DocumentChange[]): string {
  return `${COLUMN.documentId} IN (${changes.map(({ documentId }) => sqlText(documentId)).join(', ')})`;
}
