/** What is wrong with a row of a journal, or with what was said of it. */
export type Fault =
  /** The row, or its data, is not the one that was recorded. */
  | 'changed'
  /** Rows that were recorded are gone: from `sequence` to `to_sequence`. */
  | 'missing'
  /** The row was never recorded by a projector. */
  | 'inserted'
  /** The journal is whole, but what names its end (a projection, a stored or published head) does not fit it. */
  | 'head';

/** One thing that does not verify. */
export interface Finding {
  /** Which journal: of runs, of Nexus, or the tenant's as a whole. */
  readonly chain: 'run' | 'nexus' | 'tenant';
  /** The run's id, the stream, or the tenant. */
  readonly id: string;
  /** The row; null where it is the chain as a whole. */
  readonly sequence: number | null;
  /** The last of several missing rows. */
  readonly to_sequence?: number;
  readonly fault: Fault;
  readonly detail: string;
}

/** Most findings that are kept by name; beyond it they are only counted. */
export const FINDINGS_MAX = 1000;

/** Collects findings within a bound, so that a journal that is wrong everywhere fits into memory. */
export class Findings {
  readonly kept: Finding[] = [];
  /** All there were, kept or not. */
  total = 0;

  add(finding: Finding): void {
    this.total += 1;
    if (this.kept.length < FINDINGS_MAX) this.kept.push(finding);
  }
}
