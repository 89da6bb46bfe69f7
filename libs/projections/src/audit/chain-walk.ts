import type { Finding, Findings } from './findings.js';

/** A row as its chain sees it. */
export interface ChainLink {
  readonly sequence: number;
  readonly hash: string;
  readonly prevHash: string | null;
  /** Its hash is the HMAC of its columns. */
  readonly genuine: boolean;
  /** Its data is what was hashed. */
  readonly intact: boolean;
  /** Where it is not: what is left is what an erasure leaves. */
  readonly redacted: boolean;
  /** It erases the data of all rows before it. */
  readonly erases: boolean;
}

/** Where a chain ends, by somebody's word. */
export interface ChainEnd {
  readonly sequence: number;
  readonly hash: string;
}

/** Rows with other data that one chain remembers by sequence until an erasure may excuse them. */
const DOUBTS_MAX = 1000;

/**
 * One chain, row by row in the order of its sequence: says which rows were changed, are missing or were inserted. It
 * remembers the row before and no more, so that a chain may have any length.
 */
export class ChainWalk {
  /** Sequence of the last row that belongs to the chain. */
  last = 0;
  private previousHash: string | null | undefined = null;
  private hashAtEnd: string | undefined;
  private endReported = false;
  private doubts: { sequence: number; redacted: boolean }[] = [];

  /** @param end where the projection says that it ends; undefined where there is no such row */
  constructor(
    private readonly of: Pick<Finding, 'chain' | 'id'>,
    private readonly end: ChainEnd | undefined,
    private readonly findings: Findings,
  ) {}

  take(link: ChainLink): void {
    const { sequence } = link;
    const strange = sequence < 1 || !this.end || sequence > this.end.sequence;
    if (!link.genuine && strange && this.of.chain === 'run') {
      return this.report(sequence, 'inserted', 'was never recorded: its hash is not of the journal key');
    }
    if (sequence > this.last + 1) this.missing(this.last + 1, sequence - 1, `before ${sequence}`);
    if (!link.genuine) {
      this.report(sequence, 'changed', 'does not match its hash');
      this.previousHash = undefined;
    } else {
      this.compare(link);
      this.previousHash = link.hash;
    }
    if (sequence === this.end?.sequence) this.hashAtEnd = link.hash;
    this.last = sequence;
  }

  /** After the last row. */
  finish(): void {
    for (const { sequence, redacted } of this.doubts) {
      this.report(sequence, 'changed', redacted ? 'lost its payload without run.erased' : 'has other data');
    }
    this.doubts = [];
    if (!this.end) return;
    if (this.last < this.end.sequence) {
      this.missing(this.last + 1, this.end.sequence, `the projection ends at ${this.end.sequence}`);
    } else if (this.hashAtEnd !== this.end.hash && !this.endReported) {
      this.report(this.end.sequence, 'head', 'is not the row that the projection ends with');
    } else if (this.last > this.end.sequence) {
      this.report(this.end.sequence, 'head', `the projection ends here, the journal at ${this.last}`);
    }
  }

  private compare(link: ChainLink): void {
    const { sequence } = link;
    const known = sequence === this.last + 1 ? this.previousHash : undefined;
    if (known !== undefined && link.prevHash !== known) {
      this.report(sequence, 'changed', 'does not follow the row before it');
    }
    if (link.erases) this.erase();
    if (link.intact) return;
    if (this.doubts.length < DOUBTS_MAX) this.doubts.push({ sequence, redacted: link.redacted });
    else this.report(sequence, 'changed', 'has other data');
  }

  /** What came before may lack its payload now; it may not have another one. */
  private erase(): void {
    for (const { sequence, redacted } of this.doubts) {
      if (!redacted) this.report(sequence, 'changed', 'has data that no erasure leaves');
    }
    this.doubts = [];
  }

  private missing(from: number, to: number, detail: string): void {
    this.findings.add({ ...this.of, sequence: from, to_sequence: to, fault: 'missing', detail });
  }

  private report(sequence: number, fault: Finding['fault'], detail: string): void {
    if (sequence === this.end?.sequence) this.endReported = true;
    this.findings.add({ ...this.of, sequence, fault, detail });
  }
}
