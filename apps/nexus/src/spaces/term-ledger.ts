import { addTo, sameHead, type CommitHead, type CommitRecord, type StatisticsDelta } from './commit-chain.js';
import type { TermStatistics } from './pinned-space.js';
import { tokensOfText } from './text-terms.js';

/** Statistics of one version, with what only the store asks for. */
export interface VersionStatistics extends TermStatistics {
  readonly documents: number;
  readonly head: CommitHead;
}

/** One commit in memory, and the way to those after it. */
interface Node {
  readonly head: CommitHead;
  readonly documents: number;
  readonly chunks: number;
  readonly tokens: number;
  /** What the next commit changed, and its node. Views follow these, so a node lives as long as one needs it. */
  next?: { readonly delta: StatisticsDelta; readonly node: Node };
}

/** Commits that can be asked for without being read again. */
const NODES_KEPT_MAX = 64;
/** A term's share of two Maps, of all and of the last commit: entries and string. Measured, for the bound of the cache. */
const BYTES_A_TERM = 140;

/**
 * Term statistics of a space's newest known commit, and of those shortly before: one Map of document frequencies for
 * the newest, and for an older one what later commits changed, subtracted.
 */
export class TermLedger {
  readonly #frequencies = new Map<string, number>();
  /** Commits that #frequencies does not hold yet. */
  readonly #uncounted: StatisticsDelta[] = [];
  #nodes: Node[];

  constructor(records: readonly CommitRecord[]) {
    const last = records.at(-1);
    const total = { documents: 0, chunks: 0, tokens: 0 };
    for (const record of records) add(total, record);
    this.#uncounted.push(...records);
    this.#settle();
    this.#nodes = [{ head: { to: last?.to ?? 0, mark: last?.mark ?? '' }, ...total }];
  }

  get head(): CommitHead {
    return this.#newest.head;
  }

  /** An estimate of what the ledger holds in memory. */
  get bytes(): number {
    return 1_000 + this.#frequencies.size * BYTES_A_TERM;
  }

  /** Goes on by one commit (or one row that stands for several). */
  apply(record: CommitRecord): void {
    const before = this.#newest;
    const total = { documents: before.documents, chunks: before.chunks, tokens: before.tokens };
    add(total, record);
    const node: Node = { head: { to: record.to, mark: record.mark }, ...total };
    before.next = { delta: record, node };
    // The next commit is sent on its way before this one is counted in; whoever asks meanwhile counts it himself.
    if (this.#uncounted.push(record) === 1) setImmediate(() => this.#settle());
    this.#nodes.push(node);
    if (this.#nodes.length > NODES_KEPT_MAX) this.#nodes = this.#nodes.slice(-NODES_KEPT_MAX / 2);
  }

  /** The statistics as of a commit, exact however far the ledger goes on afterwards; undefined when it is not known. */
  at(head: CommitHead): VersionStatistics | undefined {
    const node = this.#nodes.findLast((each) => sameHead(each.head, head));
    return node && new LedgerView(() => this.#settle(), node);
  }

  get #newest(): Node {
    return this.#nodes.at(-1) as Node;
  }

  /** The frequencies with all commits counted in. */
  #settle(): ReadonlyMap<string, number> {
    for (const delta of this.#uncounted.splice(0)) {
      for (const [term, change] of delta.terms) addTo(this.#frequencies, term, change);
    }
    return this.#frequencies;
  }
}

class LedgerView implements VersionStatistics {
  readonly #frequencies: () => ReadonlyMap<string, number>;
  readonly #node: Node;

  constructor(frequencies: () => ReadonlyMap<string, number>, node: Node) {
    this.#frequencies = frequencies;
    this.#node = node;
  }

  get head(): CommitHead {
    return this.#node.head;
  }
  get documents(): number {
    return this.#node.documents;
  }
  get chunks(): number {
    return this.#node.chunks;
  }
  get tokens(): number {
    return this.#node.tokens;
  }

  async documentFrequency(terms: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const newest = this.#frequencies();
    const frequencies = new Map(terms.map((term) => [term, newest.get(term) ?? 0]));
    for (let later = this.#node.next; later; later = later.node.next) {
      for (const [term, count] of frequencies) {
        const change = later.delta.terms.get(term);
        if (change !== undefined) frequencies.set(term, count - change);
      }
    }
    return frequencies;
  }

  tokenize(text: string): Promise<string[]> {
    return tokensOfText(text);
  }
}

function add(total: { documents: number; chunks: number; tokens: number }, delta: StatisticsDelta): void {
  total.documents += delta.documents;
  total.chunks += delta.chunks;
  total.tokens += delta.tokens;
}
