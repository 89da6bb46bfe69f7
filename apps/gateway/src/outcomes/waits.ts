import { type FeedValue, type Outcome, ServiceError, type SubmittedEvent } from '@runspine/contracts';
import type { Metrics } from '@runspine/service';
import type { FeedReader } from './feed-reader.js';
import type { NoticeReader } from './notice-reader.js';
import { type Expected, isOf, type Settled, WaitGroup } from './wait-group.js';

/** The truth, where the feed says nothing: what PostgreSQL knows of events, with the hash of each. */
export type OutcomesOf = (
  tenantId: string,
  eventIds: readonly string[],
) => Promise<ReadonlyMap<string, { hash: string; outcome: Outcome }>>;

export interface WaitsOptions {
  feed: Pick<FeedReader, 'subscribe'>;
  notices: Pick<NoticeReader, 'subscribe' | 'channel'>;
  outcomesOf: OutcomesOf;
  metrics: Metrics;
  /** Most events waited for at once. */
  waitsMax: number;
  /** Milliseconds without word after which PostgreSQL is asked. */
  outcomeReadMs: number;
}

/** A wait that was begun: `done` resolves with an outcome an event, undefined where none was known in time. */
export interface Wait {
  readonly done: Promise<(Settled | undefined)[]>;
  /** Lets it end without outcomes once its time is up: Kafka has acknowledged the events. */
  sent(): void;
  /** Ends it, since the events could not be sent. */
  fail(error: unknown): void;
}

interface Place {
  readonly group: WaitGroup;
  readonly index: number;
}

/** How often deadlines are looked at, milliseconds. */
const SWEEP_MS = 20;
/** How long PostgreSQL, asked at the end, may hold an answer back, milliseconds. */
const FINAL_READ_MS_MAX = 2000;

/**
 * Waits for outcomes: their commit tells them, or else the feed; PostgreSQL is true. An event is registered before it is
 * sent, so that its outcome cannot pass unseen; without word PostgreSQL is asked after a while, and once more at the end.
 * A wait whose time is up while its events are still on the way to Kafka ends with the send, which has a bound of its own:
 * whoever is told "pending" sends them no more.
 */
export class Waits {
  private readonly places = new Map<string, Place[]>();
  private readonly groups = new Set<WaitGroup>();
  private readonly unsubscribe: (() => void)[];
  private readonly ended;
  private sweeper: NodeJS.Timeout | undefined;
  private open = 0;

  constructor(private readonly options: WaitsOptions) {
    this.unsubscribe = [
      options.feed.subscribe((told) => this.hear('feed', told)),
      options.notices.subscribe((notice) => this.hear('notice', notice)),
    ];
    this.ended = options.metrics.counter({
      name: 'runspine_gateway_waits_total',
      help: 'Outcomes that were waited for, by who told them: notice (their commit), feed, store (PostgreSQL, asked), or nobody in time.',
      labelNames: ['told_by'] as const,
    });
    const gauge = options.metrics.gauge({
      name: 'runspine_gateway_waits_open',
      help: 'Events whose outcome is being waited for.',
      collect: (): void => gauge.set(this.open),
    });
  }

  /** Notes on an event that is to be waited for where its outcome is to be told, if anywhere. */
  address(event: Pick<SubmittedEvent, 'replyto'>): void {
    const { channel } = this.options.notices;
    if (channel !== undefined) event.replyto = channel;
  }

  /** Events waited for now. */
  get size(): number {
    return this.open;
  }

  /**
   * Begins to wait, before the events are sent. Whoever sends them says how that ended: `sent` or `fail`.
   * @throws ServiceError `event_spine.overloaded` when too many wait.
   */
  begin(tenantId: string, expected: readonly Expected[], waitMs: number, gone: () => boolean): Wait {
    if (this.open + expected.length > this.options.waitsMax) {
      throw new ServiceError('event_spine.overloaded', 'Too many writes wait for their outcome; nothing was taken.');
    }
    const now = Date.now();
    const firstReadMs = now + Math.min(this.options.outcomeReadMs, waitMs);
    const group = new WaitGroup(tenantId, expected, firstReadMs, now + waitMs, gone);
    expected.forEach(({ eventId }, index) => {
      const key = `${tenantId}/${eventId}`;
      const there = this.places.get(key);
      if (there) there.push({ group, index });
      else this.places.set(key, [{ group, index }]);
    });
    this.groups.add(group);
    this.open += expected.length;
    this.sweeper ??= setInterval(() => this.sweep(), SWEEP_MS);
    return {
      done: group.done,
      sent: () => {
        group.sent = true;
      },
      fail: (error) => {
        if (group.ended) return;
        this.remove(group);
        group.fail(error);
      },
    };
  }

  /** Lets waits end by themselves for a time, then answers those that Kafka has with what PostgreSQL knows. */
  async drain(boundMs: number): Promise<void> {
    const deadlineMs = Date.now() + boundMs;
    for (const group of this.groups) group.deadlineMs = Math.min(group.deadlineMs, deadlineMs);
    await Promise.allSettled([...this.groups].map(({ done }) => done));
  }

  close(): void {
    for (const unsubscribe of this.unsubscribe) unsubscribe();
    clearInterval(this.sweeper);
    this.sweeper = undefined;
  }

  /**
   * Of those who wait for the same id, the first whose event it is takes it. What was noticed is of a submission whose waiter
   * knows: only an id that nobody else uses, of our own making, is taken from it, where the notice was missed.
   */
  private hear(by: 'notice' | 'feed', told: FeedValue): void {
    const { outcome, resource } = told;
    const places = this.places.get(`${outcome.tenant_id}/${outcome.event_id}`);
    const place = places?.find(({ group, index }) => {
      const expected = group.expected[index]!;
      return expected.own === undefined || (!told.noticed && isOf(expected, told));
    });
    if (!place) return;
    this.ended.inc({ told_by: by });
    this.settle(place.group, place.index, { outcome, resource });
  }

  private settle(group: WaitGroup, index: number, settled: Settled): void {
    if (group.ended || group.settled[index] !== undefined) return;
    this.forget(group, index);
    if (group.settle(index, settled)) {
      this.remove(group);
      group.finish();
    }
  }

  private forget(group: WaitGroup, index: number): void {
    const key = `${group.tenantId}/${group.expected[index]!.eventId}`;
    const places = this.places.get(key);
    if (!places) return;
    if (places.length === 1) this.places.delete(key);
    else
      places.splice(
        places.findIndex((place) => place.group === group && place.index === index),
        1,
      );
    this.open -= 1;
  }

  private remove(group: WaitGroup): void {
    group.settled.forEach((settled, index) => {
      if (settled === undefined) this.forget(group, index);
    });
    this.groups.delete(group);
  }

  private sweep(): void {
    const now = Date.now();
    for (const group of this.groups) {
      if (group.gone()) this.end(group);
      else if (now >= group.deadlineMs && group.sent && !group.final) {
        group.final = true;
        void this.readAndEnd(group);
      } else if (now >= group.nextReadMs && !group.final) {
        group.nextReadMs = Number.POSITIVE_INFINITY;
        group.asked = this.read(group);
      }
    }
    if (this.groups.size > 0) return;
    clearInterval(this.sweeper);
    this.sweeper = undefined;
  }

  private async readAndEnd(group: WaitGroup): Promise<void> {
    await Promise.race([
      this.readLast(group),
      new Promise((resolve) => setTimeout(resolve, FINAL_READ_MS_MAX).unref()),
    ]);
    this.end(group);
  }

  /** A question that is still open is heard out first; its answer is of the time before, so the last one is asked anyway. */
  private async readLast(group: WaitGroup): Promise<void> {
    await group.asked;
    await this.read(group);
  }

  private end(group: WaitGroup): void {
    if (group.ended) return;
    this.ended.inc({ told_by: 'nobody' }, group.remaining);
    this.remove(group);
    group.finish();
  }

  /** Asks PostgreSQL for what is not known yet. Its silence is no answer: the wait goes on. */
  private async read(group: WaitGroup): Promise<void> {
    if (group.ended) return;
    const unknown = group.expected.filter((_, index) => group.settled[index] === undefined);
    try {
      const found = await this.options.outcomesOf(
        group.tenantId,
        unknown.map(({ eventId }) => eventId),
      );
      group.expected.forEach((expected, index) => {
        const known = found.get(expected.eventId);
        if (!known || group.settled[index] !== undefined) return;
        this.ended.inc({ told_by: 'store' });
        const outcome = isOf(expected, known) ? known.outcome : refusedAsReused(known.outcome);
        this.settle(group, index, { outcome });
      });
    } catch {
      // PostgreSQL is away: the feed, or the last question, or a 202 will tell.
    }
  }
}

function refusedAsReused({ event_id, tenant_id, env, run_id, step_id }: Outcome): Outcome {
  const about = { event_id, tenant_id, env, run_id, step_id, repeat: false, first_event_id: event_id };
  return { ...about, outcome: 'rejected', reason: 'event.id_reused', current: null, version: null };
}
