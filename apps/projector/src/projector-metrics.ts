import type { BatchingProducer, ConsumerStatus } from '@runspine/kafka';
import { BATCH_SIZE_BUCKETS, DURATION_BUCKETS_S, type Metrics } from '@runspine/service';
import type { FeedPublisher } from './log/feed-publisher.js';
import type { Told } from './runs/fold-batch.js';

/** How many of a batch's events had which outcome, and were refused for which reason. */
export interface OutcomeCounts {
  readonly outcomes: ReadonlyMap<string, number>;
  readonly reasons: ReadonlyMap<string, number>;
}

/** Counts a batch. */
export function countOutcomes(told: readonly Told[]): OutcomeCounts {
  const outcomes = new Map<string, number>();
  const reasons = new Map<string, number>();
  for (const { outcome } of told) {
    increment(outcomes, outcome.repeat ? 'repeat' : outcome.outcome);
    if (outcome.outcome === 'rejected' && !outcome.repeat) increment(reasons, outcome.reason);
  }
  return { outcomes, reasons };
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** What the projector counts, in Prometheus' form. */
export class ProjectorMetrics {
  private readonly batchRecords;
  private readonly applySeconds;
  private readonly events;
  private readonly rejections;
  private readonly deadLetters;

  constructor(private readonly metrics: Metrics) {
    this.batchRecords = metrics.histogram({
      name: 'runspine_projector_batch_records',
      help: 'Records of a batch.',
      buckets: BATCH_SIZE_BUCKETS,
    });
    this.applySeconds = metrics.histogram({
      name: 'runspine_projector_apply_seconds',
      help: 'From a batch to its commit.',
      buckets: DURATION_BUCKETS_S,
    });
    this.events = metrics.counter({
      name: 'runspine_projector_events_total',
      help: 'Events by outcome: applied, rejected, parked, repeat.',
      labelNames: ['outcome'],
    });
    this.rejections = metrics.counter({
      name: 'runspine_projector_rejections_total',
      help: 'Refused events by reason.',
      labelNames: ['reason'],
    });
    this.deadLetters = metrics.counter({
      name: 'runspine_projector_dead_letters_total',
      help: 'Records to the dead letter topic, by code.',
      labelNames: ['code'],
    });
  }

  /** Call the answer when the batch is committed; a batch that fails is not measured. */
  batchBegins(records: number): () => void {
    const fromMs = performance.now();
    return () => {
      this.batchRecords.observe(records);
      this.applySeconds.observe((performance.now() - fromMs) / 1000);
    };
  }

  deadLetter(code: string): void {
    this.deadLetters.inc({ code });
  }

  /** Counted a batch at a time: a labelled counter costs as much as folding an event. */
  told({ outcomes, reasons }: OutcomeCounts): void {
    for (const [outcome, count] of outcomes) this.events.inc({ outcome }, count);
    for (const [reason, count] of reasons) this.rejections.inc({ reason }, count);
  }

  /** Readings that are taken as somebody asks. */
  watch(consumer: () => ConsumerStatus | undefined, feed: FeedPublisher, producer: BatchingProducer): void {
    this.metrics.gauge({
      name: 'runspine_projector_lag_records',
      help: 'Records not yet applied, by partition.',
      labelNames: ['topic', 'partition'],
      collect() {
        this.reset();
        for (const { topic, partition, lag } of consumer()?.partitions ?? []) {
          if (lag !== undefined) this.set({ topic, partition: String(partition) }, lag);
        }
      },
    });
    this.metrics.gauge({
      name: 'runspine_projector_feed_lost_outcomes',
      help: 'Outcomes that never reached the feed since the start; the database has them.',
      collect() {
        this.set(feed.lostOutcomes);
      },
    });
    this.metrics.gauge({
      name: 'runspine_projector_producer_queued_records',
      help: 'Feed and dead letter records that wait to be sent.',
      collect() {
        this.set(producer.gauges().queuedRecords);
      },
    });
  }
}
