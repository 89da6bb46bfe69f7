import { newEventId, type Outcome, OUTCOMES_TYPE, SPEC_VERSION } from '@runspine/contracts';
import type { BatchingProducer, OutgoingRecord } from '@runspine/kafka';
import type { Logger } from '@runspine/service';
import type { Told } from '../runs/fold-batch.js';
import { resourceTextOf } from './outcome-text.js';

/** A resource larger than this stays out of the feed: whoever waits reads it. Characters of its JSON. */
const RESOURCE_LENGTH_MAX = 64 * 1024;

/** Most outcomes of a partition that gather before they leave. */
const GATHERED_MAX = 500;

export interface FeedPublisherOptions {
  producer: BatchingProducer;
  topic: string;
  logger: Logger;
  /** How long outcomes gather whose waiters have been told, milliseconds. 0: not at all. */
  lingerMs: number;
}

/**
 * Tells outcomes on the feed, after their commit. The feed is fast and PostgreSQL is true: what cannot be published is
 * counted and logged, and who waits for it reads the database.
 */
export class FeedPublisher {
  private readonly gathered = new Map<number, Told[]>();
  private readonly publishing = new Map<number, Promise<void>>();
  private timer: NodeJS.Timeout | undefined;
  private lost = 0;

  constructor(private readonly options: FeedPublisherOptions) {}

  /** Outcomes that never reached the feed. */
  get lostOutcomes(): number {
    return this.lost;
  }

  /**
   * Hands a batch's outcomes to the feed while the next batch is applied: resolves once the batch before it of this
   * partition has left (or is counted as lost), so that a slow feed slows its partition instead of filling memory.
   * Outcomes that somebody waits for leave at once; where their commit told whoever waits, several commits' go together.
   */
  async publish(partition: number, told: readonly Told[]): Promise<void> {
    if (told.length === 0) return;
    const gathered = this.gathered.get(partition);
    if (gathered) gathered.push(...told);
    else this.gathered.set(partition, [...told]);
    const before = this.publishing.get(partition);
    if (this.mayGather(partition, told)) this.timer ??= setTimeout(() => this.releaseAll(), this.options.lingerMs);
    else this.release(partition);
    await before;
  }

  /** Resolves when all that was handed over has left, or is counted as lost. */
  async flush(): Promise<void> {
    this.releaseAll();
    await Promise.all(this.publishing.values());
  }

  private mayGather(partition: number, told: readonly Told[]): boolean {
    if (this.options.lingerMs === 0 || this.gathered.get(partition)!.length >= GATHERED_MAX) return false;
    return told.every(({ noticed }) => noticed);
  }

  private releaseAll(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const partition of this.gathered.keys()) this.release(partition);
  }

  private release(partition: number): void {
    const told = this.gathered.get(partition);
    if (!told) return;
    this.gathered.delete(partition);
    const records = recordsOf(this.options.topic, partition, told);
    const before = this.publishing.get(partition) ?? Promise.resolve();
    this.publishing.set(
      partition,
      before.then(() => this.send(partition, records, told.length)),
    );
  }

  private async send(partition: number, records: readonly OutgoingRecord[], outcomes: number): Promise<void> {
    try {
      await this.options.producer.sendMany(records);
    } catch (error) {
      this.lost += outcomes;
      this.options.logger.warn({ partition, outcomes, err: error }, 'outcomes did not reach the feed');
    }
  }
}

/** Outcomes of one run that go together in a record are at most this many characters; a larger one goes alone. */
const RECORD_LENGTH_MAX = 256 * 1024;

/** A record a run, in the order of the log; more where they grow too large. */
function recordsOf(topic: string, partition: number, told: readonly Told[]): OutgoingRecord[] {
  const records: OutgoingRecord[] = [];
  for (const ofRun of Map.groupBy(
    told,
    ({ outcome }) => `${outcome.tenant_id}/${outcome.env}/${outcome.run_id}`,
  ).values()) {
    let values: string[] = [];
    let length = 0;
    for (const one of ofRun) {
      const value = valueOf(one);
      if (length > 0 && length + value.length > RECORD_LENGTH_MAX) {
        records.push(recordOf(topic, partition, ofRun[0]!, values));
        values = [];
        length = 0;
      }
      values.push(value);
      length += value.length;
    }
    records.push(recordOf(topic, partition, ofRun[0]!, values));
  }
  return records;
}

/** A CloudEvent in binary mode whose data is a `FeedBatch`. */
function recordOf(
  topic: string,
  partition: number,
  { entry, outcome }: Told,
  values: readonly string[],
): OutgoingRecord {
  return {
    topic,
    partition,
    key: entry.event.partitionkey,
    value: `{"outcomes":[${values.join(',')}]}`,
    headers: {
      'content-type': 'application/json',
      ce_specversion: SPEC_VERSION,
      ce_id: newEventId(),
      ce_source: '/projector',
      ce_type: OUTCOMES_TYPE,
      ce_subject: outcome.run_id,
      ce_tenantid: outcome.tenant_id,
      ce_env: outcome.env,
    },
  };
}

/** The JSON of a `FeedValue`; of its resource only where nobody was told of it yet. The event's data is the canonical text that the journal keeps, not written again. */
function valueOf(told: Told): string {
  const parts = [`"outcome":${JSON.stringify(told.outcome satisfies Outcome)},"hash":"${told.entry.hash}"`];
  if (told.event) {
    const attributes = JSON.stringify({ ...told.event, data: undefined });
    parts.push(`"event":${attributes.slice(0, -1)},"data":${told.entry.dataText}}`);
  }
  if (told.noticed) parts.push('"noticed":true');
  const resource = told.noticed ? undefined : resourceTextOf(told);
  if (resource !== undefined && resource.length <= RESOURCE_LENGTH_MAX) parts.push(`"resource":${resource}`);
  return `{${parts.join(',')}}`;
}
