import { canonicalize, type Outcome, type OutcomeNotice, ServiceError, type SubmittedEvent } from '@runspine/contracts';
import { hashTypeAndData } from '@runspine/projections';
import type { Metrics } from '@runspine/service';
import type { FeedReader, FeedRecord } from './feed-reader.js';
import type { NoticeReader } from './notice-reader.js';
import { type Expected, type Settled, WaitGroup } from './wait-group.js';

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
  /** Ends it, since the events could not be sent. */
  fail(error: unknown): void;
}

interface Place {
  readonly group: WaitGroup;
  readonly index: number;
}

/** How often deadlines are looked at, milliseconds. */
const SWEEP_MS = 20;
/** How long the last question to PostgreSQL may hold an answer back, milliseconds. */
const FINAL_READ_MS_MAX = 2000;

/**
 * Waits for outcomes: their commit tells them, or else the feed; PostgreSQL is true. An event is registered before it is
 * sent, so that its outcome cannot pass unseen; without word PostgreSQL is asked after a while, and once more at the end.
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
      options.feed.subscribe((record) => this.hear(record)),
      options.notices.subscribe((notice) => this.hearNotice(notice)),
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
   * Begins to wait, before the events are sent.
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
      fail: (error) => {
        if (group.ended) return;
        this.remove(group);
        group.fail(error);
      },
    };
  }

  /** Lets waits end by themselves for a time, then answers those that are left with what PostgreSQL knows. */
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

  /** A notice says whose event it is about: of those who wait for the same id, the first of this hash takes it. */
  private hearNotice({ outcome, hash, resource }: OutcomeNotice): void {
    const places = this.places.get(`${outcome.tenant_id}/${outcome.event_id}`);
    const place = places?.find(({ group, index }) => [undefined, hash].includes(group.expected[index]!.hash));
    if (!place) return;
    this.ended.inc({ told_by: 'notice' });
    this.settle(place.group, place.index, { outcome, resource });
  }

  private hear(record: FeedRecord): void {
    const places = this.places.get(`${record.tenantId}/${record.eventId}`);
    if (!places) return;
    // One record is one submission's: of several who wait for the same id, the first that it can belong to takes it.
    for (const { group, index } of [...places]) {
      const { hash } = group.expected[index]!;
      if (hash === undefined || (!record.noticed && tellsOf(record, hash))) {
        this.ended.inc({ told_by: 'feed' });
        const { outcome, resource } = record.value();
        return this.settle(group, index, { outcome, resource });
      }
    }
    // It is of an earlier submission of the same id: this one's own word is on its way.
    if (record.noticed) return;
    for (const { group, index } of places) {
      if (record.kind === 'repeat') group.repeated.add(index);
      void this.read(group);
    }
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
      else if (now >= group.deadlineMs && !group.final) {
        group.final = true;
        void this.readAndEnd(group);
      } else if (now >= group.nextReadMs && !group.final) {
        group.nextReadMs = Number.POSITIVE_INFINITY;
        void this.read(group);
      }
    }
    if (this.groups.size > 0) return;
    clearInterval(this.sweeper);
    this.sweeper = undefined;
  }

  private async readAndEnd(group: WaitGroup): Promise<void> {
    await Promise.race([this.read(group), new Promise((resolve) => setTimeout(resolve, FINAL_READ_MS_MAX).unref())]);
    this.end(group);
  }

  private end(group: WaitGroup): void {
    if (group.ended) return;
    this.ended.inc({ told_by: 'nobody' }, group.remaining);
    this.remove(group);
    group.finish();
  }

  /** Asks PostgreSQL for what is not known yet. Its silence is no answer: the wait goes on. */
  private async read(group: WaitGroup): Promise<void> {
    if (group.reading || group.ended) return;
    group.reading = true;
    const unknown = group.expected.filter((_, index) => group.settled[index] === undefined);
    try {
      const found = await this.options.outcomesOf(
        group.tenantId,
        unknown.map(({ eventId }) => eventId),
      );
      group.expected.forEach(({ eventId, hash }, index) => {
        const known = found.get(eventId);
        if (!known || group.settled[index] !== undefined) return;
        this.ended.inc({ told_by: 'store' });
        const outcome = hash === undefined || hash === known.hash ? known.outcome : refusedAsReused(known.outcome);
        const repeat = outcome.repeat || group.repeated.has(index);
        this.settle(group, index, { outcome: { ...outcome, repeat } });
      });
    } catch {
      // PostgreSQL is away: the feed, or the last question, or a 202 will tell.
    } finally {
      group.reading = false;
    }
  }
}

/** True where a record surely is about type and data of this hash: only an event that was applied now is in it. */
function tellsOf(record: FeedRecord, hash: string): boolean {
  if (record.kind !== 'applied') return false;
  const { event } = record.value();
  return event !== undefined && hashTypeAndData(event.type, canonicalize(event.data)) === hash;
}

function refusedAsReused({ event_id, tenant_id, env, run_id, step_id }: Outcome): Outcome {
  const about = { event_id, tenant_id, env, run_id, step_id, repeat: false, first_event_id: event_id };
  return { ...about, outcome: 'rejected', reason: 'event.id_reused', current: null, version: null };
}
