import type { FeedValue, Outcome } from '@runspine/contracts';

/** An event whose outcome somebody waits for. */
export interface Expected {
  readonly eventId: string;
  /**
   * What the event is, where the caller brought its id: somebody else may have used the id for something else, and then
   * the outcome that is told is not this event's. Absent for ids of our own making.
   */
  readonly own?: { readonly env: string; /** Of type and data. */ readonly hash: string } | undefined;
}

/** True where what is known of an event's id is of the event that is waited for. */
export function isOf({ own }: Expected, known: { hash: string; outcome: Outcome }): boolean {
  return own === undefined || (own.hash === known.hash && own.env === known.outcome.env);
}

/** What became of an event, and what it is about after it where that was told, too. */
export interface Settled {
  readonly outcome: Outcome;
  readonly resource?: FeedValue['resource'];
}

/** The outcomes that one request waits for: all of its events, until a deadline. */
export class WaitGroup {
  /** In the order of the events; undefined while unknown, and in the end where it stayed so. */
  readonly settled: (Settled | undefined)[];
  readonly done: Promise<(Settled | undefined)[]>;
  remaining: number;
  /** The question that PostgreSQL was asked, until it is answered and after. */
  asked: Promise<void> | undefined;
  /** The last question before the answer has been asked. */
  final = false;
  ended = false;
  /** Kafka has all of its events: until then what is not known is not pending either. */
  sent = false;
  private resolve!: (settled: (Settled | undefined)[]) => void;
  private reject!: (error: unknown) => void;

  constructor(
    readonly tenantId: string,
    readonly expected: readonly Expected[],
    public nextReadMs: number,
    public deadlineMs: number,
    /** True once the caller is gone. */
    readonly gone: () => boolean,
  ) {
    this.settled = new Array<Settled | undefined>(expected.length).fill(undefined);
    this.remaining = expected.length;
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** Notes the outcome of the event at `index`; a second word changes nothing. Returns whether that was the last. */
  settle(index: number, settled: Settled): boolean {
    if (this.ended || this.settled[index] !== undefined) return false;
    this.settled[index] = settled;
    this.remaining -= 1;
    return this.remaining === 0;
  }

  finish(): void {
    this.ended = true;
    this.resolve(this.settled);
  }

  fail(error: unknown): void {
    this.ended = true;
    this.reject(error);
  }
}
