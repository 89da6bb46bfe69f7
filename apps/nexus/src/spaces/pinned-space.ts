import type { Table } from '@lancedb/lancedb';
import type { SpaceKey } from '@runspine/contracts';
import type { SpaceEmbedding } from './space-schema.js';

/** Statistics of the live chunks of one version: what BM25 is scored by. Exact: never of another version. */
export interface TermStatistics {
  /** Live chunks. */
  readonly chunks: number;
  /** Tokens of all live chunks; the mean length is tokens / chunks. */
  readonly tokens: number;
  /** In how many live chunks each term occurs; a term that occurs in none is 0. Warm: well under 1 ms for ten terms. */
  documentFrequency(terms: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** The terms of a text, in order, repeats included, by the tokeniser of the full-text index. */
  tokenize(text: string): Promise<string[]>;
}

/** A space as it was at one version. The handle is private: writers and other readers never move it. */
export interface PinnedSpace {
  readonly key: SpaceKey;
  readonly version: number;
  /** Checked out at `version`: read only. Not usable after `release`. */
  readonly table: Table;
  readonly embedding: SpaceEmbedding;
  /** Live chunks: tombstones and what the store keeps for itself are not counted. */
  readonly rows: number;
  /** Documents that have live chunks. */
  readonly documents: number;
  readonly statistics: TermStatistics;
  /** To be called once, when nothing reads from it any more. */
  release(): void;
}

/** The version asked for was pruned, or never was. */
export class VersionGone extends Error {
  constructor(
    readonly space: string,
    readonly version: number,
  ) {
    super(`version ${version} of ${space} is gone`);
    this.name = 'VersionGone';
  }
}
