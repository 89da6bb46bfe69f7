import { randomBytes } from 'node:crypto';
import type { Table } from '@lancedb/lancedb';
import type { RecordBatch } from 'apache-arrow';
import { COLUMN, COMMIT_INDEX, sqlText } from './space-schema.js';

/**
 * Every commit writes one row beside its chunks: what it changed in the statistics. So they are of exactly the
 * version that one reads, and a crash can not part them. Commits are numbered from 1; a fold puts several into one
 * row. Two rows that claim one number mean that two processes wrote from the same state (a stale owner of the
 * partition): such a version is repaired before anybody reads it.
 */
export interface CommitName {
  /** First and last commit that the row stands for. */
  readonly from: number;
  readonly to: number;
  /** Random, of the last one: tells two commits of one number apart. A fold keeps it. */
  readonly mark: string;
}

/** A position in a space's history of commits. */
export type CommitHead = Pick<CommitName, 'to' | 'mark'>;

/** The head of a space without commits. */
export const NO_COMMIT: CommitHead = { to: 0, mark: '' };

/** Change of the statistics by one commit row. */
export interface StatisticsDelta {
  readonly documents: number;
  readonly chunks: number;
  readonly tokens: number;
  /** Change of each term's document frequency; never 0. */
  readonly terms: ReadonlyMap<string, number>;
}

export interface CommitRecord extends CommitName, StatisticsDelta {}

/** The commits of one version do not form one line. `gap`: their rows are missing; otherwise two claim one number. */
export class ForkedCommits extends Error {
  override readonly name = 'ForkedCommits';
  constructor(readonly gap: boolean) {
    super(gap ? 'commit rows are missing' : 'two commits claim one number');
  }
}

/** The commit after this one. */
export function nextCommit(head: CommitHead): CommitName {
  return { from: head.to + 1, to: head.to + 1, mark: randomBytes(9).toString('base64url') };
}

/** Id of a commit's row: documents' ids are printable, so that a tab can not be the first character of one. */
export function commitRowId(name: CommitName): string {
  return `\t${name.from}-${name.to} ${name.mark}`;
}

export function sameHead(one: CommitHead, other: CommitHead): boolean {
  return one.to === other.to && one.mark === other.mark;
}

/** What a commit row's `statistics` holds. */
export function encodeDelta(delta: StatisticsDelta): string {
  const { documents, chunks, tokens, terms } = delta;
  return JSON.stringify({ documents, chunks, tokens, terms: [...terms.keys()], counts: [...terms.values()] });
}

/** Names of the commit rows of the version that the table is at, in order. @throws ForkedCommits */
export async function readChain(table: Table): Promise<CommitName[]> {
  const names: CommitName[] = [];
  const batches = table.query().where(`${COLUMN.chunkIndex} = ${COMMIT_INDEX}`).select([COLUMN.id]);
  for await (const batch of batches) {
    const ids = batch.getChild(COLUMN.id);
    for (let at = 0; at < batch.numRows; at++) names.push(parseName(ids?.get(at) as string));
  }
  return inLine(names);
}

/** All records of the version that the table is at, in order: one look in the place of two. @throws ForkedCommits */
export async function readHistory(table: Table): Promise<CommitRecord[]> {
  const records: CommitRecord[] = [];
  const batches = table.query().where(`${COLUMN.chunkIndex} = ${COMMIT_INDEX}`).select([COLUMN.id, COLUMN.statistics]);
  for await (const batch of batches) records.push(...recordsOf(batch));
  return inLine(records);
}

/** Sorts them. @throws ForkedCommits unless each begins where the one before ended */
function inLine<Name extends CommitName>(names: Name[]): Name[] {
  names.sort((one, other) => one.from - other.from || one.to - other.to);
  let last = 0;
  for (const name of names) {
    if (name.from !== last + 1) throw new ForkedCommits(name.from > last + 1);
    last = name.to;
  }
  if (last === 0) throw new ForkedCommits(true);
  return names;
}

/** The records of these commit rows, in order. */
export async function readRecords(table: Table, names: readonly CommitName[]): Promise<CommitRecord[]> {
  if (names.length === 0) return [];
  const ids = names.map((name) => sqlText(commitRowId(name))).join(', ');
  const rows = table
    .query()
    .where(`${COLUMN.chunkIndex} = ${COMMIT_INDEX} AND ${COLUMN.id} IN (${ids})`)
    .select([COLUMN.id, COLUMN.statistics]);
  const records: CommitRecord[] = [];
  for await (const batch of rows) records.push(...recordsOf(batch));
  if (records.length !== names.length) throw new ForkedCommits(true);
  return records.sort((one, other) => one.from - other.from);
}

function recordsOf(batch: RecordBatch): CommitRecord[] {
  const [ids, statistics] = [batch.getChild(COLUMN.id), batch.getChild(COLUMN.statistics)];
  return Array.from({ length: batch.numRows }, (_, at) => {
    const { documents, chunks, tokens, terms, counts } = JSON.parse(statistics?.get(at) as string) as {
      documents: number;
      chunks: number;
      tokens: number;
      terms: string[];
      counts: number[];
    };
    const frequencies = new Map(terms.map((term, index) => [term, counts[index] as number]));
    return { ...parseName(ids?.get(at) as string), documents, chunks, tokens, terms: frequencies };
  });
}

/** Adds up deltas; terms that come to nothing are left out. */
export function sumDeltas(deltas: readonly StatisticsDelta[]): StatisticsDelta {
  let [documents, chunks, tokens] = [0, 0, 0];
  const terms = new Map<string, number>();
  for (const delta of deltas) {
    documents += delta.documents;
    chunks += delta.chunks;
    tokens += delta.tokens;
    for (const [term, change] of delta.terms) addTo(terms, term, change);
  }
  return { documents, chunks, tokens, terms };
}

/** Adds to a count; one that becomes 0 goes. */
export function addTo(counts: Map<string, number>, term: string, change: number): void {
  const count = (counts.get(term) ?? 0) + change;
  if (count === 0) counts.delete(term);
  else counts.set(term, count);
}

function parseName(id: string): CommitName {
  const match = /^\t(\d+)-(\d+) (\S+)$/.exec(id);
  if (!match) throw new Error(`not the id of a commit row: ${JSON.stringify(id)}`);
  return { from: Number(match[1]), to: Number(match[2]), mark: match[3] as string };
}
