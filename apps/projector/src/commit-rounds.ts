/** From this many entries on, waiting for others gains nothing: a commit's cost is then in its rows. */
export const LARGE_ENTRIES = 100;

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result | undefined) => void;
}

/**
 * Group commit: what arrives while a transaction is on its way goes together in the next one, whatever partition it is
 * of. A commit costs the same for one event as for ten, so that at a light load this is most of the cost of an event.
 * Large items neither wait nor keep others waiting: each goes at once, beside whatever is on its way, so that PostgreSQL
 * writes some while others are read and folded.
 */
export class CommitRounds<Item extends { entries: readonly unknown[] }, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private underWay = 0;
  /** Of those, rounds of few entries: one at a time gathers most. */
  private smallUnderWay = 0;
  private starting: NodeJS.Immediate | undefined;

  /**
   * @param commit commits all or none of them: a result each, or undefined. Does not reject.
   * @param roundsMax most commits at a time; what comes then waits, and goes together.
   */
  constructor(
    private readonly commit: (items: readonly Item[]) => Promise<readonly Result[] | undefined>,
    private readonly roundsMax: number,
  ) {}

  /** Resolves with the item's result once its round is committed; with undefined where the round was not. */
  take(item: Item): Promise<Result | undefined> {
    return new Promise((resolve) => {
      if (item.entries.length >= LARGE_ENTRIES && this.underWay < this.roundsMax)
        return this.begin([{ item, resolve }]);
      this.waiting.push({ item, resolve });
      this.startSoon();
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
    const round = this.waiting;
    if (round.length === 0 || this.underWay >= this.roundsMax) return;
    if (this.smallUnderWay > 0 && entriesOf(round) < LARGE_ENTRIES) return;
    this.waiting = [];
    this.begin(round);
  }

  private begin(round: readonly Waiting<Item, Result>[]): void {
    const small = entriesOf(round) < LARGE_ENTRIES ? 1 : 0;
    this.underWay += 1;
    this.smallUnderWay += small;
    void this.end(
      this.commit(round.map(({ item }) => item)),
      round.map(({ resolve }) => resolve),
      small,
    );
  }

  /** Holds nothing of the items: their commit may let go of them before it ends. */
  private async end(
    committing: Promise<readonly Result[] | undefined>,
    resolves: readonly Waiting<Item, Result>['resolve'][],
    small: number,
  ): Promise<void> {
    const results = await committing;
    resolves.forEach((resolve, index) => resolve(results?.[index]));
    this.underWay -= 1;
    this.smallUnderWay -= small;
    this.startSoon();
  }
}

function entriesOf(round: readonly { item: { entries: readonly unknown[] } }[]): number {
  return round.reduce((sum, { item }) => sum + item.entries.length, 0);
}
