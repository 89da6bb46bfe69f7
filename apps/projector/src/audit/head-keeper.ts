import { newEventId, SPEC_VERSION } from '@runspine/contracts';
import { type BatchingProducer, type OutgoingRecord, partitionFor } from '@runspine/kafka';
import type { HeadSigner, HeadStore, PublishedHeads, RunEnd, RunHead, TenantHead } from '@runspine/projections/audit';
import { endsRun } from '@runspine/run-model';
import type { Logger } from '@runspine/service';
import type { Told } from '../runs/fold-batch.js';

/** Ends gather for so long: one look into the journal, one signature a tenant. */
const GATHER_MS = 1000;
/** Ends that wait at most; beyond it they are the daily pass's. */
const WAITING_MAX = 20_000;
const AT_ONCE = 1000;
const DAY_MS = 24 * 3600 * 1000;
/** How long after midnight a day counts as recorded, whatever the clocks of projectors say. */
const SETTLED_MS = 10 * 60 * 1000;
const LOOK_MS = 60 * 1000;

/** Type of the records of the audit topic. */
const HEADS_TYPE = 'runspine.heads.v1';

/** What the keeper knows of time. */
export interface HeadClock {
  now(): Date;
  /** Does it again each so many milliseconds, until what is returned is called. */
  every(ms: number, work: () => void): () => void;
}

const SYSTEM_CLOCK: HeadClock = {
  now: () => new Date(),
  every: (ms, work) => {
    const timer = setInterval(work, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};

/** The runs that ended in a batch. */
export function runEnds(told: readonly Told[]): RunEnd[] {
  const ends: RunEnd[] = [];
  for (const { event } of told) {
    if (!event || !endsRun(event.type)) continue;
    ends.push({ tenant_id: event.tenant_id, run_id: event.run_id, run_sequence: event.run_sequence });
  }
  return ends;
}

export interface HeadKeeperOptions {
  store: HeadStore;
  signer: HeadSigner;
  producer: BatchingProducer;
  topic: string;
  /** Of the audit topic. */
  partitions: number;
  logger: Logger;
  /** @default the machine's */
  clock?: HeadClock;
}

/**
 * Signs where journals end, behind the projection's back: a run's head once it ended, a tenant's once a day, to the
 * audit topic first and to PostgreSQL then. What is lost on the way (a crash, Kafka away) has no row in `audit_heads`,
 * and is made again by the daily pass.
 */
export class HeadKeeper {
  private waiting: RunEnd[] = [];
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private stopLooking = () => {};
  private keeping: Promise<void> = Promise.resolve();
  private day = '';
  private closed = false;

  private readonly clock: HeadClock;

  constructor(private readonly options: HeadKeeperOptions) {
    this.clock = options.clock ?? SYSTEM_CLOCK;
  }

  /** Begins to look, each minute, whether a day is over. */
  start(): void {
    this.stopLooking = this.clock.every(LOOK_MS, () => this.look());
    this.look();
  }

  /** Notes the runs that ended in a committed batch. Fast: this is beside the feed. */
  note(ends: readonly RunEnd[]): void {
    this.waiting.push(...ends.slice(0, WAITING_MAX - this.waiting.length));
    if (this.waiting.length > 0) this.timer ??= setTimeout(() => this.gathered(), GATHER_MS);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.stopLooking();
    clearTimeout(this.timer);
    this.gathered();
    await this.idle();
  }

  /** Resolves when what is under way is done. */
  async idle(): Promise<void> {
    await Promise.all([this.keeping, this.looking]);
  }

  /** Signs what was forgotten, and the tenants' heads as of the last midnight (UTC). Harmless when several do. */
  async passDay(now: Date): Promise<void> {
    const { store, logger } = this.options;
    const until = new Date(Math.floor((now.getTime() - SETTLED_MS) / DAY_MS) * DAY_MS).toISOString();
    if (until === this.day) return;
    let forgotten = 0;
    while (!this.closed) {
      const heads = await store.forgotten(until, AT_ONCE);
      await this.keep(heads);
      forgotten += heads.length;
      if (heads.length < AT_ONCE) break;
    }
    const tenants = await store.tenantsWithout(until);
    for (const tenantId of tenants) {
      if (this.closed) return;
      await this.keepTenant(await store.tenantHead(tenantId, until));
    }
    this.day = until;
    if (tenants.length > 0 || forgotten > 0) logger.info({ until, tenants: tenants.length, forgotten }, 'heads signed');
  }

  /** One pass at a time: the first of many tenants takes longer than a minute. */
  private look(): void {
    this.looking ??= this.passDay(this.clock.now())
      .catch((error: unknown) => {
        this.options.logger.warn({ err: error }, 'heads of the day are not signed yet, tried again');
      })
      .finally(() => (this.looking = undefined));
  }

  private gathered(): void {
    this.timer = undefined;
    const ends = this.waiting;
    this.waiting = [];
    if (ends.length === 0) return;
    this.keeping = this.keeping
      .then(async () => {
        for (let at = 0; at < ends.length; at += AT_ONCE) {
          await this.keep(await this.options.store.headsOf(ends.slice(at, at + AT_ONCE)));
        }
      })
      .catch((error: unknown) => {
        this.options.logger.warn({ heads: ends.length, err: error }, 'heads are left to the daily pass');
      });
  }

  private async keep(heads: readonly RunHead[]): Promise<void> {
    if (heads.length === 0) return;
    const byTenant = Map.groupBy(heads, (head) => head.tenant_id);
    await this.options.producer.sendMany([...byTenant].map(([tenantId, runs]) => this.record(tenantId, { runs })));
    await this.options.store.keep(heads);
  }

  private async keepTenant(head: TenantHead): Promise<void> {
    await this.options.producer.send(this.record(head.tenant_id, { tenant: head }));
    await this.options.store.keepTenant(head);
  }

  /** A CloudEvent in binary mode; `ce_signature` is over the value's bytes. */
  private record(tenantId: string, heads: PublishedHeads): OutgoingRecord {
    const { topic, partitions, signer } = this.options;
    const value = JSON.stringify(heads);
    return {
      topic,
      partition: partitionFor(tenantId, partitions),
      key: tenantId,
      value,
      headers: {
        'content-type': 'application/json',
        ce_specversion: SPEC_VERSION,
        ce_id: newEventId(),
        ce_source: '/projector',
        ce_type: HEADS_TYPE,
        ce_time: new Date().toISOString(),
        ce_tenantid: tenantId,
        ce_signature: signer.sign(value),
      },
    };
  }
}
