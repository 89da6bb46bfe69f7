import type { StreamTarget } from '@runspine/projections';
import type { Metrics } from '@runspine/service';

/** What is measured of streams. */
export class StreamMetrics {
  private readonly open;
  private readonly events;
  private readonly ends;

  constructor(metrics: Metrics) {
    this.open = metrics.gauge({
      name: 'runspine_streams_open',
      help: 'Open streams.',
      labelNames: ['kind'] as const,
    });
    this.events = metrics.counter({ name: 'runspine_stream_events_total', help: 'Events sent to readers of streams.' });
    this.ends = metrics.counter({
      name: 'runspine_streams_closed_total',
      help: 'Streams that closed: ended by us, left by their reader, or cut off since it was too slow.',
      labelNames: ['how'] as const,
    });
  }

  opened(kind: StreamTarget['kind']): void {
    this.open.inc({ kind });
  }

  closed(kind: StreamTarget['kind'], how: 'ended' | 'left' | 'slow'): void {
    this.open.dec({ kind });
    this.ends.inc({ how });
  }

  sent(): void {
    this.events.inc();
  }
}
