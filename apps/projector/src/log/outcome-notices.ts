import { NOTIFICATION_BYTES_MAX, type Outcome } from '@runspine/contracts';
import type { Logger } from '@runspine/service';
import type { Told } from '../runs/fold-batch.js';
import { resourceTextOf } from './outcome-text.js';

/** Notifications: a payload each, and its channel at the same place. */
export interface Notices {
  readonly channels: readonly string[];
  readonly payloads: readonly string[];
}

/**
 * Most outcomes of a round that is told: a notification costs by its bytes, the feed by its records, and in a larger round
 * the feed is cheaper.
 */
const ROUND_MAX = 64;

/** SQLSTATEs of a `pg_notify` that PostgreSQL refuses: its queue is full (a listener stands still), or it is not allowed. */
const NOTIFY_REFUSED = new Set(['54000', '42501']);
/** How long nothing is told after that, milliseconds. */
const SILENCE_MS = 10_000;

/**
 * What a commit tells of itself to those who wait for its outcomes, on the channel that their event names (`replyto`): a
 * notification is part of the transaction, and is there with it, ahead of the feed by a way through Kafka.
 */
export class OutcomeNotices {
  private silentUntilMs = 0;

  constructor(private readonly logger: Logger) {}

  /**
   * The notices of a round, and marks what they tell. Undefined where nobody listens, and in a large round: there the feed
   * costs least, and is quick enough.
   */
  of(batches: readonly (readonly Told[])[]): Notices | undefined {
    const told = batches.flat();
    if (told.length > ROUND_MAX || performance.now() < this.silentUntilMs) return undefined;
    const channels: string[] = [];
    const payloads: string[] = [];
    for (const [channel, ofChannel] of Map.groupBy(told, ({ entry }) => entry.event.replyto)) {
      if (channel === undefined) continue;
      for (const payload of payloadsOf(ofChannel)) {
        channels.push(channel);
        payloads.push(payload);
      }
    }
    return channels.length === 0 ? undefined : { channels, payloads };
  }

  /** A round with notices failed: where they may be why, the next ones go without. */
  failed(error: unknown): void {
    if (!NOTIFY_REFUSED.has((error as { code?: string }).code ?? '')) return;
    this.silentUntilMs = performance.now() + SILENCE_MS;
    this.logger.warn(
      { err: error, silence_ms: SILENCE_MS },
      'PostgreSQL may refuse notifications; the feed alone tells outcomes for a while',
    );
  }
}

/** JSON arrays of `OutcomeNotice`, as many in each as fit. One that does not fit alone is left to the feed. */
function payloadsOf(told: readonly Told[]): string[] {
  const payloads: string[] = [];
  let texts: string[] = [];
  let bytes = 1;
  for (const one of told) {
    const text = noticeOf(one);
    const more = Buffer.byteLength(text) + 1;
    if (more >= NOTIFICATION_BYTES_MAX) continue;
    if (bytes + more > NOTIFICATION_BYTES_MAX) {
      payloads.push(`[${texts.join(',')}]`);
      texts = [];
      bytes = 1;
    }
    texts.push(text);
    bytes += more;
    one.noticed = true;
  }
  if (texts.length > 0) payloads.push(`[${texts.join(',')}]`);
  return payloads;
}

/** The JSON of an `OutcomeNotice`. */
function noticeOf(told: Told): string {
  const resource = resourceTextOf(told);
  const outcome = JSON.stringify(told.outcome satisfies Outcome);
  return `{"outcome":${outcome},"hash":"${told.entry.hash}"${resource === undefined ? '' : `,"resource":${resource}`}}`;
}
