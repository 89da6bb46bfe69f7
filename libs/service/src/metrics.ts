import {
  collectDefaultMetrics,
  Counter,
  type CounterConfiguration,
  Gauge,
  type GaugeConfiguration,
  Histogram,
  type HistogramConfiguration,
  Registry,
} from 'prom-client';

/** Buckets for durations in seconds: 1 ms to 10 s. */
export const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Buckets for how many records a batch has. */
export const BATCH_SIZE_BUCKETS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000];

type Own<C> = Omit<C, 'registers'>;

/** The metrics of one process, in Prometheus' text format, each with the label `service`. */
export class Metrics {
  readonly registry = new Registry();

  /** `service` labels every metric. `processMetrics`: Node's own (memory, event loop, garbage collection) too. */
  constructor(service: string, processMetrics = true) {
    this.registry.setDefaultLabels({ service });
    if (processMetrics) collectDefaultMetrics({ register: this.registry });
  }

  /** A number that only grows; its name ends in `_total`. */
  counter<L extends string = never>(options: Own<CounterConfiguration<L>>): Counter<L> {
    return new Counter({ ...options, registers: [this.registry] });
  }

  /** A number that goes up and down; `collect` may set it as it is read. */
  gauge<L extends string = never>(options: Own<GaugeConfiguration<L>>): Gauge<L> {
    return new Gauge({ ...options, registers: [this.registry] });
  }

  /** A distribution; durations are in seconds ({@link DURATION_BUCKETS_S}) and their names end in `_seconds`. */
  histogram<L extends string = never>(options: Own<HistogramConfiguration<L>>): Histogram<L> {
    return new Histogram({ ...options, registers: [this.registry] });
  }

  /** The answer to `GET /metrics`. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  /** The content type of {@link Metrics.text}. */
  get contentType(): string {
    return this.registry.contentType;
  }
}

/** The metrics of a service, Node's own included. One a process. */
export function createMetrics(service: string): Metrics {
  return new Metrics(service);
}
