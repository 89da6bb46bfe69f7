import { OUTCOME_TYPE, type Outcome, SPEC_VERSION } from '@runspine/contracts';
import type { BatchingProducer, OutgoingRecord } from '@runspine/kafka';
import { runOf, stepResource } from '@runspine/run-model';
import type { Logger } from '@runspine/service';
import type { Told } from '../runs/fold-batch.js';

/** A resource larger than this stays out of the feed: whoever waits reads it. Characters of its JSON. */
const RESOURCE_LENGTH_MAX = 64 * 1024;

/**
 * Tells outcomes on the feed, after their commit. The feed is fast and PostgreSQL is true: what cannot be published is
 * counted and logged, and who waits for it reads the database.
 */
export class FeedPublisher {
  private readonly publishing = new Map<number, Promise<void>>();
  private lost = 0;

  constructor(
    private readonly producer: BatchingProducer,
    private readonly topic: string,
    private readonly logger: Logger,
  ) {}

  /** Outcomes that never reached the feed. */
  get lostOutcomes(): number {
    return this.lost;
  }

  /**
   * Hands a batch's outcomes to the feed while the next batch is applied: resolves once the batch before it of this
   * partition has left (or is counted as lost), so that a slow feed slows its partition instead of filling memory.
   */
  async publish(partition: number, told: readonly Told[]): Promise<void> {
    if (told.length === 0) return;
    const records = told.map((one) => this.record(partition, one));
    await this.publishing.get(partition);
    this.publishing.set(partition, this.send(partition, records));
  }

  /** Resolves when all that was handed over has left, or is counted as lost. */
  async flush(): Promise<void> {
    await Promise.all(this.publishing.values());
  }

  private async send(partition: number, records: readonly OutgoingRecord[]): Promise<void> {
    try {
      await this.producer.sendMany(records);
    } catch (error) {
      this.lost += records.length;
      this.logger.warn({ partition, records: records.length, err: error }, 'outcomes did not reach the feed');
    }
  }

  private record(partition: number, told: Told): OutgoingRecord {
    const { event } = told.entry;
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      ce_specversion: SPEC_VERSION,
      ce_id: told.outcome.event_id,
      ce_source: '/projector',
      ce_type: OUTCOME_TYPE,
      ce_subject: told.outcome.run_id,
      ce_tenantid: told.outcome.tenant_id,
      ce_env: told.outcome.env,
      ce_outcome: told.outcome.repeat ? 'repeat' : told.outcome.outcome,
    };
    const roomId = told.event?.room_id;
    if (roomId !== undefined && roomId !== null) headers.ce_roomid = roomId;
    return { topic: this.topic, partition, key: event.partitionkey, value: valueOf(told), headers };
  }
}

/** The JSON of a `FeedValue`. The event's data is the canonical text that the journal keeps, not written again. */
function valueOf(told: Told): string {
  const parts = [`"outcome":${JSON.stringify(told.outcome satisfies Outcome)}`];
  if (told.event) {
    const { data: _data, ...attributes } = told.event;
    parts.push(`"event":${JSON.stringify(attributes).slice(0, -1)},"data":${told.entry.dataText}}`);
  }
  const { run, step } = told.after ?? {};
  if (told.entry.event.reply === 'resource' && run) {
    const resource = JSON.stringify({ run: runOf(run), ...(step ? { step: stepResource(step) } : {}) });
    if (resource.length <= RESOURCE_LENGTH_MAX) parts.push(`"resource":${resource}`);
  }
  return `{${parts.join(',')}}`;
}
