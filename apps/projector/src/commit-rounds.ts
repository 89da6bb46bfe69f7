/** From this many entries on, waiting for others gains nothing: a commit's cost is then in its rows. */
const LARGE_ROUND_ENTRIES = 100;

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result | undefined) => void;
}

/**
 * Group commit: what arrives while a transaction is on its way goes together in the next one, whatever partition it is
 * of. A commit costs the same for one event as for ten, so that at a light load this is most of the cost of an event;
 * under a heavy one, large rounds run beside each other, and each starts at once: PostgreSQL writes one while the next is
 * read and folded.
 */
export class CommitRounds<Item extends { entries: readonly unknown[] }, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private waitingEntries = 0;
  private running = 0;
  private starting: NodeJS.Immediate | undefined;

  /** @param commit commits all or none of them: a result each, or undefined. Does not reject. */
  constructor(private readonly commit: (items: readonly Item[]) => Promise<readonly Result[] | undefined>) {}

  /** Resolves with the item's result once its round is committed; with undefined where the round was not. */
  take(item: Item): Promise<Result | undefined> {
    return new Promise((resolve) => {
      this.waiting.push({ item, resolve });
      this.waitingEntries += item.entries.length;
      if (this.waitingEntries >= LARGE_ROUND_ENTRIES) this.start();
      else this.startSoon();
    });
  }

  /** What one fetch brought of several partitions, a few records each, arrives in one turn. */
  private startSoon(): void {
    this.starting ??= setImmediate(() => {
      this.starting = undefined;
      this.start();
    });
  }

  private start(): void {
    if (this.waiting.length === 0) return;
    if (this.running > 0 && this.waitingEntries < LARGE_ROUND_ENTRIES) return;
    const round = this.waiting;
    this.waiting = [];
    this.waitingEntries = 0;
    this.running += 1;
    void this.end(
      this.commit(round.map(({ item }) => item)),
      round.map(({ resolve }) => resolve),
    );
  }

  /** Holds nothing of the items: their commit may let go of them before it ends. */
  private async end(
    committing: Promise<readonly Result[] | undefined>,
    resolves: readonly Waiting<Item, Result>['resolve'][],
  ): Promise<void> {
    const results = await committing;
    resolves.forEach((resolve, index) => resolve(results?.[index]));
    this.running -= 1;
    this.startSoon();
  }
}
