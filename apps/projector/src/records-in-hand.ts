/**
 * A bound on the records that are decoded, folded and saved at once, over all partitions: what waits for its turn waits
 * as bytes, and dies young once it is read, so that collections find little to copy. In the order of arrival.
 */
export class RecordsInHand {
  private count = 0;
  private readonly waiting: { records: number; go: () => void }[] = [];

  /** @param max records; a batch that is larger alone has its turn when nothing else is in hand. */
  constructor(private readonly max: number) {}

  /** Runs `work` on as many records once there is room for them. What it throws is thrown on. */
  async hold<T>(records: number, work: () => Promise<T>): Promise<T> {
    if (this.waiting.length > 0 || !this.fits(records)) {
      await new Promise<void>((go) => this.waiting.push({ records, go }));
    } else this.count += records;
    try {
      return await work();
    } finally {
      this.release(records);
    }
  }

  private fits(records: number): boolean {
    return this.count === 0 || this.count + records <= this.max;
  }

  /** Room is taken for those who go at once: whoever comes meanwhile does not overtake them. */
  private release(records: number): void {
    this.count -= records;
    for (let next = this.waiting[0]; next && this.fits(next.records); next = this.waiting[0]) {
      this.waiting.shift();
      this.count += next.records;
      next.go();
    }
  }
}
