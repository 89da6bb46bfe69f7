import type { Table } from '@lancedb/lancedb';
import { ServiceError, type SpaceKey } from '@runspine/contracts';
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
} from './commit-chain.js';
import type { DocumentChange } from './document-change.js';
import { repairSpace } from './space-repair.js';
import { arrowRows, commitRow, rowsOf } from './space-rows.js';
import { COLUMN, LIVE, decodeTerms, embeddingOf, sqlText, type SpaceEmbedding } from './space-schema.js';
import type { SpaceStatistics } from './space-statistics.js';
import { isConflict, type SpaceTables } from './space-tables.js';
import { termsOfTexts, type TextTerms } from './text-terms.js';

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
  /** Every document ever written, removed ones included, and its source offset. */
  readonly offsets: Map<string, number>;
  /** The largest of them; -1 where there is none. */
  readonly newest: number;
}

/** Changes with the terms of their chunks. */
export interface AnalysedChanges {
  readonly changes: readonly DocumentChange[];
  readonly terms: ReadonlyMap<DocumentChange, readonly TextTerms[]>;
  /** In how many of all these chunks each term occurs. */
  readonly frequencies: ReadonlyMap<string, number>;
}

/** Finds the terms of all chunks: work that needs no turn of the space, and runs while LanceDB writes what came before. */
export async function analyse(changes: readonly DocumentChange[]): Promise<AnalysedChanges> {
  const { texts, frequencies } = await termsOfTexts(changes.flatMap(({ chunks }) => chunks.map(({ text }) => text)));
  let from = 0;
  const terms = new Map(changes.map((change) => [change, texts.slice(from, (from += change.chunks.length))]));
  return { changes, terms, frequencies };
}

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
  async commit(embedding: SpaceEmbedding, changes: AnalysedChanges, fence?: Fence): Promise<Committed> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(embedding, changes, attempt > 1, fence);
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

  async #attempt(
    embedding: SpaceEmbedding,
    analysed: AnalysedChanges,
    again: boolean,
    fence: Fence | undefined,
  ): Promise<Committed> {
    const { changes } = analysed;
    requireDimension(embedding, changes);
    const state = await this.#load();
    if (state) requireEmbedding(state.embedding, embedding);
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
    const version =
      accepted.length > 0 ? await this.#write(embedding, state, accepted, analysed) : (state?.version ?? 0);
    const all = [...accepted, ...written];
    return {
      version,
      documents: all.length,
      chunks: all.reduce((sum, change) => sum + change.chunks.length, 0),
      stale,
    };
  }

  async #write(
    embedding: SpaceEmbedding,
    state: WriterState | undefined,
    changes: readonly DocumentChange[],
    analysed: AnalysedChanges,
  ): Promise<number> {
    const replaced = changes.filter(({ documentId }) => state?.offsets.has(documentId));
    const record = await recordOf(state, changes, replaced, analysed);
    const rows = changes.flatMap((change) => rowsOf(change, analysed.terms.get(change) ?? []));
    rows.push(commitRow(commitRowId(record), encodeDelta(record)));
    const data = arrowRows(embedding, rows, !state);
    if (!state) {
      const connection = await this.tables.connection(this.space);
      const table = await connection.createTable(this.space.spaceId, data, { mode: 'create' });
      return this.#written(
        { table, embedding, head: NO_COMMIT, version: 0, offsets: new Map(), newest: -1 },
        record,
        changes,
        await table.version(),
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
    this.#state = { ...state, newest, version, head: { to: record.to, mark: record.mark } };
    return version;
  }

  /** What is kept, if it is still true; otherwise read anew. Undefined: there is no such space. */
  async #load(): Promise<WriterState | undefined> {
    const kept = this.#state;
    const table = kept?.table ?? (await this.tables.open(this.space));
    if (!table) return undefined;
    await table.checkoutLatest();
    const version = await table.version();
    if (kept?.version === version) return kept;
    const head = (await readChain(table)).at(-1) as CommitHead;
    // Optimising makes versions without commits.
    this.#state =
      kept && sameHead(kept.head, head)
        ? { ...kept, version }
        : { table, embedding: embeddingOf(await table.schema()), head, version, ...(await readOffsets(table)) };
    if (version !== (await table.version())) throw new Error('conflict: the space moved while it was read');
    return this.#state;
  }
}

function frequenciesOf(texts: readonly TextTerms[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { encoded } of texts) {
    for (const [term] of decodeTerms(Buffer.from(encoded).toString())) addTo(counts, term, 1);
  }
  return counts;
}

function requireDimension({ dimension }: SpaceEmbedding, changes: readonly DocumentChange[]): void {
  for (const { documentId, chunks } of changes) {
    const wrong = chunks.find((chunk) => chunk.vector.length !== dimension);
    if (!wrong) continue;
    const details = { document_id: documentId, dimension, given: wrong.vector.length };
    throw new ServiceError(
      'nexus.embedding_mismatch',
      `a vector of ${documentId} has ${wrong.vector.length} dimensions, not ${dimension}`,
      details,
    );
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

/** What the commit changes in the statistics: the new chunks, less those that they replace. */
async function recordOf(
  state: WriterState | undefined,
  changes: readonly DocumentChange[],
  replaced: readonly DocumentChange[],
  analysed: AnalysedChanges,
): Promise<CommitRecord> {
  const texts = changes.flatMap((change) => analysed.terms.get(change) ?? []);
  let tokens = texts.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
  let terms = changes.length === analysed.changes.length ? analysed.frequencies : frequenciesOf(texts);
  const gone = new Set<string>();
  let chunks = texts.length;
  if (state && replaced.length > 0) {
    const counts = new Map(terms);
    terms = counts;
    const rows = state.table
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
        for (const [term] of decodeTerms(lists?.get(at) as string)) addTo(counts, term, -1);
      }
    }
  }
  const documents = changes.filter((change) => change.chunks.length > 0).length - gone.size;
  return { ...nextCommit(state?.head ?? NO_COMMIT), documents, chunks, tokens, terms };
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
