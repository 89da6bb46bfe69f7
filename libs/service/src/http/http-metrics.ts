import { DURATION_BUCKETS_S, type Metrics } from '../metrics.js';

interface Observed {
  observe(seconds: number): void;
}

/** How many requests each route answered, with which status, and how long they took. */
export class HttpMetrics {
  private readonly histogram;
  private readonly series = new Map<string, Observed>();

  constructor(metrics: Metrics) {
    this.histogram = metrics.histogram({
      name: 'runspine_http_request_duration_seconds',
      help: 'Time from a request to its answer, by route and status. Streams count until they end.',
      labelNames: ['method', 'route', 'status'] as const,
      buckets: DURATION_BUCKETS_S,
    });
  }

  /** Counts one answer; `route` is its pattern, so that ids make no series of their own. */
  answered(method: string, route: string, status: number, durationMs: number): void {
    const key = `${method} ${route} ${status}`;
    let series = this.series.get(key);
    if (!series) {
      series = this.histogram.labels({ method, route, status: String(status) });
      this.series.set(key, series);
    }
    series.observe(durationMs / 1000);
  }
}
