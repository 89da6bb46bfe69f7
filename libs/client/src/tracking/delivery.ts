import { isRunspineError } from '../errors.js';
import { pause } from '../http/backoff.js';
import { badAnswer, type Transport } from '../http/transport.js';
import type { BatchResult } from '../resources/run-types.js';
import type { WireEvent } from './wire-event.js';

/** The gateway takes 1,000 events and 1 MiB a batch. */
const BATCH_EVENTS_MAX = 1000;
const BATCH_BYTES_MAX = 900 * 1024;
const PARALLEL_MAX = 4;
/**
 * Milliseconds that one try of a batch may take, where nobody says otherwise. The gateway gives Kafka 5 s, and PostgreSQL
 * another 2 s for what is known by then: whoever left before the answer would send again what Kafka has.
 */
export const TRY_MS_DEFAULT = 8000;
/** Seconds that the gateway may wait for outcomes; what is known after that shows in its rejections. */
const WAIT_S = 2;
const STORE_AWAY_MS = 30_000;
/** Runs that are remembered as created through here. */
const CREATED_MAX = 10_000;
/** Looks for a run that the gateway does not know yet. */
const RUN_LOOKS_MS = [200, 400, 800, 1600, 3200];
/** Codes that say that the events themselves are at fault: no other try mends them. */
const CONTENT_CODES = /^(request\.(invalid|malformed|too_large)|event\.(?!not_recorded)|idempotency\.)/;

/** What became of events that were sent. */
export interface Delivered {
  /** Taken by Kafka, or refused by the state machine: done with either way. */
  readonly sent: number;
  /** Refused for what they are; no other try mends it. */
  readonly refused: readonly { event: WireEvent; code: string; message: string }[];
  /** Refused by the state machine. */
  readonly rejected: readonly { event: WireEvent; code: string }[];
  /** Not taken: the gateway is away, or does not answer as it should. In order. */
  readonly left: readonly WireEvent[];
  /** Why some are left. */
  readonly failure: unknown;
}

/** Sends events to the gateway, each run's in order, several runs at a time. */
export class Delivery {
  private storeAwayUntilMs = 0;
  private readonly created = new Set<string>();

  constructor(
    private readonly transport: Transport,
    private readonly timeoutMs: number,
    /** Ends what is on its way. */
    private readonly signal?: AbortSignal,
  ) {}

  async send(events: readonly WireEvent[]): Promise<Delivered> {
    const sum = new Sum();
    const waiting = [...byRun(events).values()];
    const worker = async () => {
      for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) {
        // Once the gateway is away, nobody asks it for the rest.
        if (sum.failure === undefined) await this.sendRun(group, sum);
        else sum.left.push(...group);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL_MAX }, worker));
    // As they came: which run was left first does not matter to the gateway, but it does to who reads a spool.
    const left = new Set(sum.left);
    return { ...sum, left: left.size === 0 ? [] : events.filter((event) => left.has(event)) };
  }

  private async sendRun(events: readonly WireEvent[], sum: Sum): Promise<void> {
    for (let from = 0; from < events.length;) {
      const batch = batchFrom(events, from);
      from += batch.length;
      try {
        await this.sendBatch(batch, sum);
      } catch (error) {
        sum.failure = error;
        const done = new Set(sum.done);
        sum.left.push(...[...batch, ...events.slice(from)].filter((event) => !done.has(event)));
        return;
      }
    }
  }

  /** @throws when the gateway is away. What is wrong with the events themselves is in `sum`. */
  private async sendBatch(batch: readonly WireEvent[], sum: Sum): Promise<void> {
    let fault: { code: string; message: string; at: readonly number[] };
    try {
      const results = await this.post(batch);
      sum.take(batch, results);
      if (batch[0]?.type === 'run.created') this.remember(batch[0].runId);
      return;
    } catch (error) {
      if (!isRunspineError(error) || error.status < 400 || error.status >= 500) throw error;
      const unknownRun = error.code === 'run.not_found';
      if (!unknownRun && !CONTENT_CODES.test(error.code)) throw error;
      // Kafka has its creation: another gateway is behind, and will know it.
      if (unknownRun && this.created.has(batch[0]!.runId)) throw error;
      const at = unknownRun ? batch.map((_, index) => index) : faultyOf(error.details, batch.length);
      fault = { code: error.code, message: error.message, at };
    }
    if (batch.length === 1 || fault.at.length > 0) {
      const faulty = new Set(batch.length === 1 ? [0] : fault.at);
      sum.refuse(
        batch.filter((_, index) => faulty.has(index)),
        fault,
      );
      const others = batch.filter((_, index) => !faulty.has(index));
      if (others.length > 0) await this.sendBatch(others, sum);
      return;
    }
    const middle = batch.length >> 1;
    await this.sendBatch(batch.slice(0, middle), sum);
    await this.sendBatch(batch.slice(middle), sum);
  }

  private remember(runId: string): void {
    this.created.add(runId);
    if (this.created.size <= CREATED_MAX) return;
    for (const oldest of this.created) return void this.created.delete(oldest);
  }

  private async post(batch: readonly WireEvent[]): Promise<BatchResult[]> {
    for (let look = 0; ; look++) {
      const waits = Date.now() >= this.storeAwayUntilMs;
      try {
        return await this.postOnce(batch, waits);
      } catch (error) {
        if (!isRunspineError(error)) throw error;
        if (error.code === 'store.unavailable' && waits) {
          // Without PostgreSQL the gateway still takes what nobody waits for.
          this.storeAwayUntilMs = Date.now() + STORE_AWAY_MS;
          continue;
        }
        const waitMs = error.code === 'run.not_found' ? RUN_LOOKS_MS[look] : undefined;
        if (waitMs === undefined) throw error;
        await pause(waitMs, this.signal);
      }
    }
  }

  private async postOnce(batch: readonly WireEvent[], waits: boolean): Promise<BatchResult[]> {
    const [{ runId, correlationId, traceparent }] = batch as [WireEvent];
    const { status, body } = await this.transport.request('POST', `/v1/runs/${encodeURIComponent(runId)}/events`, {
      body: `{"events":[${batch.map(({ text }) => text).join(',')}]}`,
      headers: { prefer: waits ? `respond-async, wait=${WAIT_S}` : 'respond-async' },
      ...(correlationId === undefined ? {} : { correlationId }),
      ...(traceparent === undefined ? {} : { traceparent }),
      // Event ids make it harmless to send them again.
      keyless: true,
      retries: 0,
      timeoutMs: this.timeoutMs,
      ...(this.signal ? { signal: this.signal } : {}),
    });
    const results = (body as { results?: unknown } | undefined)?.results;
    if (!Array.isArray(results) || results.length !== batch.length || !results.every(isResult)) {
      throw badAnswer(status, 'does not answer a batch of events');
    }
    return results;
  }
}

class Sum {
  sent = 0;
  readonly done: WireEvent[] = [];
  readonly refused: { event: WireEvent; code: string; message: string }[] = [];
  readonly rejected: { event: WireEvent; code: string }[] = [];
  readonly left: WireEvent[] = [];
  failure: unknown;

  take(batch: readonly WireEvent[], results: readonly BatchResult[]): void {
    this.done.push(...batch);
    this.sent += batch.length;
    results.forEach(({ outcome, reason }, index) => {
      if (outcome !== 'rejected' && outcome !== 'parked') return;
      this.rejected.push({ event: batch[index]!, code: reason ?? 'event.parked' });
    });
  }

  refuse(events: readonly WireEvent[], { code, message }: { code: string; message: string }): void {
    this.done.push(...events);
    for (const event of events) this.refused.push({ event, code, message });
  }
}

function isResult(value: unknown): value is BatchResult {
  const { outcome, event_id: eventId } = (value ?? {}) as Partial<BatchResult>;
  return typeof eventId === 'string' && ['applied', 'rejected', 'parked', 'pending'].includes(outcome ?? '');
}

/** Places of a batch that the faults name, as `/events/3/data/name`. */
function faultyOf(details: Readonly<Record<string, unknown>>, length: number): number[] {
  const { faults } = details;
  if (!Array.isArray(faults)) return [];
  const places = faults.map(
    (fault: { path?: unknown } | null) => /^\/events\/(\d+)(?:\/|$)/.exec(String(fault?.path))?.[1],
  );
  return places
    .filter((place) => place !== undefined)
    .map(Number)
    .filter((place) => place < length);
}

function byRun(events: readonly WireEvent[]): Map<string, WireEvent[]> {
  const runs = new Map<string, WireEvent[]>();
  for (const event of events) {
    const group = runs.get(event.runId);
    if (group) group.push(event);
    else runs.set(event.runId, [event]);
  }
  return runs;
}

function batchFrom(events: readonly WireEvent[], from: number): WireEvent[] {
  let bytes = 0;
  let to = from;
  while (to < events.length && to - from < BATCH_EVENTS_MAX) {
    bytes += Buffer.byteLength(events[to]!.text) + 1;
    if (bytes > BATCH_BYTES_MAX && to > from) break;
    to++;
  }
  return events.slice(from, to);
}
