import type { CoreParts } from './core.module.js';
import type { EventSender } from './runs/event-sender.js';

/** Readiness of what the gateway stands on, and what is measured of it. */
export function watchParts(parts: CoreParts, sender: EventSender): void {
  const { health, feed, producer, pool, metrics } = parts;
  health.add('producer', () => {
    const { connected, queuedRecords } = producer.gauges();
    return { ok: connected && sender.ready, detail: `${queuedRecords} records queued` };
  });
  health.add('feed', () => {
    const { partitions } = feed.status();
    return { ok: feed.ready, detail: `${partitions.length} partitions` };
  });
  health.add('postgres', async () => ({ ok: (await pool.query('SELECT 1')).rowCount === 1 }));

  const queued = metrics.gauge({
    name: 'runspine_gateway_producer_queued_records',
    help: 'Events that wait for Kafka.',
    collect(): void {
      queued.set(producer.gauges().queuedRecords);
    },
  });
  const sent = metrics.gauge({
    name: 'runspine_gateway_producer_sent_records',
    help: 'Events that Kafka acknowledged.',
    collect(): void {
      sent.set(producer.gauges().sentRecords);
    },
  });
  const failed = metrics.gauge({
    name: 'runspine_gateway_producer_failed_sends',
    help: 'Sends to Kafka that failed.',
    collect(): void {
      failed.set(producer.gauges().failedSends);
    },
  });
  const listening = metrics.gauge({
    name: 'runspine_gateway_notices_listening',
    help: 'Whether PostgreSQL tells outcomes to this process (1); otherwise the feed does.',
    collect(): void {
      listening.set(parts.notices.channel === undefined ? 0 : 1);
    },
  });
  const lag = metrics.gauge({
    name: 'runspine_gateway_feed_lag_records',
    help: 'Records of the feed that are not read yet, by partition.',
    labelNames: ['partition'] as const,
    collect(): void {
      for (const { partition, lag: records } of feed.status().partitions) {
        if (records !== undefined) lag.set({ partition: String(partition) }, records);
      }
    },
  });
}
