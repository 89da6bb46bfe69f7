import type { Table } from '@lancedb/lancedb';
import { LRUCache } from 'lru-cache';
import {
  ForkedCommits,
  addTo,
  readChain,
  readHistory,
  readRecords,
  sameHead,
  type CommitHead,
  type CommitName,
  type CommitRecord,
  type StatisticsDelta,
} from './commit-chain.js';
import { KeyedMutex } from './keyed-mutex.js';
import { COLUMN, LIVE, decodeTerms } from './space-schema.js';
import { TermLedger, type VersionStatistics } from './term-ledger.js';

interface Entry {
  readonly ledger: TermLedger;
  /** Which commit a version ends with; versions never change. */
  readonly heads: Map<number, CommitHead>;
}

const HEADS_KEPT_MAX = 256;
/** Head of what was counted, not read. */
const COUNTED: CommitHead = { to: 1, mark: 'counted' };

/**
 * Statistics of spaces by version, kept in memory up to a bound and read from the table's commit rows when they are
 * not. Where the rows are not all there, the chunks themselves are counted.
 */
export class SpaceStatistics {
  readonly #entries: LRUCache<string, Entry>;
  readonly #reading = new KeyedMutex();

  constructor(bytesMax: number) {
    this.#entries = new LRUCache({
      maxSize: bytesMax,
      sizeCalculation: (entry) => Math.min(entry.ledger.bytes, bytesMax),
    });
  }

  /** Of the version that `table` is checked out at. @throws ForkedCommits (never of a version without its rows) */
  async of(path: string, table: Table, version: number): Promise<VersionStatistics> {
    return (
      this.#known(path, version) ??
      this.#reading.run(path, () => this.#known(path, version) ?? this.#read(path, table, version))
    );
  }

  /** What a commit of this process added, so that it need not be read back. */
  advance(path: string, before: CommitHead, version: number, record: CommitRecord): void {
    const entry =
      this.#entries.get(path) ?? (before.to === 0 ? { ledger: new TermLedger([]), heads: new Map() } : undefined);
    if (!entry || !sameHead(entry.ledger.head, before)) return;
    entry.ledger.apply(record);
    remember(entry, version, record);
    this.#entries.set(path, entry);
  }

  /** Forgets a space: what is known of it turned out to be forked. */
  forget(path: string): void {
    this.#entries.delete(path);
  }

  #known(path: string, version: number): VersionStatistics | undefined {
    const entry = this.#entries.get(path);
    const head = entry?.heads.get(version);
    return (head && entry?.ledger.at(head)) ?? this.#knownOld(path, version);
  }

  #knownOld(path: string, version: number): VersionStatistics | undefined {
    const { ledger } = this.#entries.get(`${path}@${version}`) ?? {};
    return ledger?.at(ledger.head);
  }

  async #read(path: string, table: Table, version: number): Promise<VersionStatistics> {
    const held = this.#entries.get(path);
    let chain: readonly (CommitName | CommitRecord)[];
    try {
      chain = held ? await readChain(table) : await readHistory(table);
    } catch (error) {
      if (!(error instanceof ForkedCommits) || !error.gap) throw error;
      return this.#counted(path, table, version);
    }
    const head = chain.at(-1) as CommitName;
    const entry = this.#entries.get(path);
    const known = entry?.ledger.at(head);
    if (entry && known) {
      remember(entry, version, head);
      return known;
    }
    const at = entry ? chain.findIndex((name) => sameHead(name, entry.ledger.head)) : -1;
    if (entry && at >= 0) {
      for (const record of await readRecords(table, chain.slice(at + 1))) entry.ledger.apply(record);
      return this.#keep(path, entry, version, head);
    }
    const ledger = new TermLedger(held ? await readRecords(table, chain) : (chain as readonly CommitRecord[]));
    if (entry && entry.ledger.head.to > head.to) return this.#keepOld(path, ledger, version, head);
    return this.#keep(path, { ledger, heads: new Map() }, version, head);
  }

  #keep(path: string, entry: Entry, version: number, head: CommitHead): VersionStatistics {
    remember(entry, version, head);
    this.#entries.set(path, entry);
    return entry.ledger.at(head) as VersionStatistics;
  }

  /** A version older than what the ledger remembers has one of its own. */
  #keepOld(path: string, ledger: TermLedger, version: number, head: CommitHead): VersionStatistics {
    const view = ledger.at(head) as VersionStatistics;
    this.#entries.set(`${path}@${version}`, { ledger, heads: new Map([[version, head]]) });
    return view;
  }

  async #counted(path: string, table: Table, version: number): Promise<VersionStatistics> {
    const ledger = new TermLedger([{ from: 1, ...COUNTED, ...(await countStatistics(table)) }]);
    return this.#keepOld(path, ledger, version, COUNTED);
  }
}

function remember(entry: Entry, version: number, head: CommitHead): void {
  if (entry.heads.size >= HEADS_KEPT_MAX) entry.heads.delete(entry.heads.keys().next().value as number);
  entry.heads.set(version, { to: head.to, mark: head.mark });
}

/** The statistics of a version, counted from its chunks. */
export async function countStatistics(table: Table): Promise<StatisticsDelta> {
  const terms = new Map<string, number>();
  const documents = new Set<string>();
  let [chunks, tokens] = [0, 0];
  const rows = table.query().where(LIVE).select([COLUMN.documentId, COLUMN.terms, COLUMN.tokenCount]);
  for await (const batch of rows) {
    const [ids, termLists, counts] = [COLUMN.documentId, COLUMN.terms, COLUMN.tokenCount].map((name) =>
      batch.getChild(name),
    );
    for (let at = 0; at < batch.numRows; at++) {
      documents.add(ids?.get(at) as string);
      chunks++;
      tokens += counts?.get(at) as number;
      for (const [term] of decodeTerms(termLists?.get(at) as string)) addTo(terms, term, 1);
    }
  }
  return { documents: documents.size, chunks, tokens, terms };
}
