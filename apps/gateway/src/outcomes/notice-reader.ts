import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { OutcomeNotice } from '@runspine/contracts';
import { newClient, type PoolOptions } from '@runspine/projections';
import { type Logger, persist } from '@runspine/service';

export type NoticeListener = (notice: OutcomeNotice) => void;

export interface NoticeReaderOptions {
  database: Pick<PoolOptions, 'databaseUrl' | 'applicationName'>;
  logger: Logger;
}

type Client = ReturnType<typeof newClient>;

/** Within this a notification to oneself arrives, milliseconds; otherwise the connection is given up. */
const ARRIVAL_MS = 3000;
/** How often that is tried, milliseconds. */
const CHECK_MS = 15_000;
/** How long a connection may take to end, milliseconds. */
const GOODBYE_MS = 500;

/**
 * Listens to PostgreSQL for outcomes of this process's own events, which their commit tells on a channel that only they
 * name. It is ahead of the feed, and no more than that: while it is away, and for what it misses, there is the feed.
 */
export class NoticeReader {
  private readonly name = `runspine_${randomBytes(12).toString('hex')}`;
  private readonly listeners = new Set<NoticeListener>();
  private readonly closing = new AbortController();
  private client: Client | undefined;
  private checks: NodeJS.Timeout | undefined;
  private arrived: () => void = () => undefined;

  constructor(private readonly options: NoticeReaderOptions) {}

  /** Where outcomes of events that are sent now are to be told; undefined while nobody listens. */
  get channel(): string | undefined {
    return this.client && this.name;
  }

  /** Calls the listener with each notice; it must be quick. Returns how to stop. */
  subscribe(listener: NoticeListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Begins to listen; tries until PostgreSQL answers, and again whenever the connection is lost. */
  async start(): Promise<void> {
    await persist(() => this.listen(), {
      signal: this.closing.signal,
      onFault: (error, waitMs) =>
        this.options.logger.warn(
          { err: error, wait_ms: waitMs },
          'no notifications from PostgreSQL yet; outcomes come by the feed',
        ),
    });
  }

  async close(): Promise<void> {
    this.closing.abort();
    clearInterval(this.checks);
    const { client } = this;
    this.client = undefined;
    // A connection that leads nowhere does not end by itself.
    await Promise.race([client?.end().catch(() => undefined), pause(GOODBYE_MS, undefined, { ref: false })]);
  }

  private async listen(): Promise<void> {
    const client = newClient({ ...this.options.database, role: 'runspine_gateway' });
    client.on('error', () => undefined);
    client.on('notification', ({ payload }) => this.tell(payload ?? ''));
    try {
      await client.connect();
      await client.query(`LISTEN ${this.name}`);
      await this.check(client);
      this.closing.signal.throwIfAborted();
    } catch (error) {
      void client.end().catch(() => undefined);
      throw error;
    }
    client.once('end', () => this.lost(client));
    this.client = client;
    this.checks = setInterval(() => {
      this.check(client).catch(() => this.lost(client));
    }, CHECK_MS).unref();
  }

  /** A pooler may lend the connection to others between statements: then nothing arrives. */
  private async check(client: Client): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`No notification within ${ARRIVAL_MS} ms.`)), ARRIVAL_MS);
    });
    const arrival = new Promise<void>((resolve) => (this.arrived = resolve));
    try {
      await Promise.race([Promise.all([client.query(`NOTIFY ${this.name}`), arrival]), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private lost(client: Client): void {
    if (this.client !== client) return;
    this.client = undefined;
    clearInterval(this.checks);
    void client.end().catch(() => undefined);
    if (!this.closing.signal.aborted) void this.start();
  }

  private tell(payload: string): void {
    if (payload === '') return this.arrived();
    try {
      for (const notice of JSON.parse(payload) as OutcomeNotice[]) {
        for (const listener of this.listeners) listener(notice);
      }
    } catch (error) {
      this.options.logger.error({ err: error, bytes: payload.length }, 'a notification could not be told');
    }
  }
}
