import type { Delivered } from './delivery.js';
import { messageOf } from './json-text.js';
import { keepRefused } from './refused-file.js';
import type { Reports } from './reports.js';

/** What became of all that was recorded. */
export interface SenderStats {
  /** Events that Kafka has. */
  sent: number;
  /** Events that were written to disk, so far. */
  spooled: number;
  /** Entries for which there was no room, on disk or in memory: lost. */
  dropped: number;
  /** Events that the gateway refused for what they are; kept in `refused.ndjson`. */
  refused: number;
  /** Events that the state machine refused; `client.rejections()` has them. */
  rejected: number;
  /** Entries and events that wait in memory. */
  waiting: number;
}

/** Counts what became of events, says once what went wrong, and keeps what was refused. */
export class SendTally {
  readonly counts = { sent: 0, spooled: 0, dropped: 0, refused: 0, rejected: 0 };

  constructor(
    private readonly reports: Reports,
    private readonly folder: string | undefined,
  ) {}

  async take({ sent, refused, rejected }: Delivered): Promise<void> {
    this.counts.sent += sent;
    this.counts.rejected += rejected.length;
    for (const { event, code } of rejected) {
      // The last sign of life may come after the end.
      if (event.type === 'run.heartbeat') continue;
      const details = { run_id: event.runId, type: event.type, code };
      this.reports.once(`rejected ${code}`, 'an event was refused by the state machine', details);
    }
    if (refused.length > 0) await this.setAside(refused);
  }

  /** There was no room. */
  drop(count: number, error?: unknown): void {
    this.counts.dropped += count;
    this.reports.once('dropped', 'events are lost: there is no room for them', {
      dropped: this.counts.dropped,
      ...(error === undefined ? {} : { error: messageOf(error) }),
    });
  }

  private async setAside(refused: Delivered['refused']): Promise<void> {
    this.counts.refused += refused.length;
    const [{ code, message, event }] = refused as [Delivered['refused'][number]];
    const details = { code, error: message, type: event.type, run_id: event.runId };
    this.reports.once(`refused ${code}`, 'events were refused and set aside', details);
    if (this.folder === undefined) return;
    try {
      await keepRefused(this.folder, refused);
    } catch (error) {
      this.reports.once('spool', 'events cannot be written to disk', { error: messageOf(error) });
    }
  }
}
