import type { Consumer } from 'kafkajs';
import type { KafkaLogger } from './kafkajs-log.js';
import type { TopicPartition } from './records.js';

/** Tells Kafka how far a group is, now and then, for those who watch lag. Nothing is read from there. */
export class CommitHints {
  private readonly pending = new Map<string, TopicPartition & { offset: number }>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly intervalMs: number,
    private readonly logger: KafkaLogger,
    private readonly consumer: () => Consumer | undefined,
  ) {}

  add(topic: string, partition: number, offset: number): void {
    this.pending.set(`${topic}/${partition}`, { topic, partition, offset });
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.flush();
    }, this.intervalMs);
  }

  /** Forgets what is not committed: other members may own the partitions by now. */
  clear(): void {
    this.pending.clear();
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Never rejects. */
  async flush(): Promise<void> {
    const offsets = [...this.pending.values()].map((one) => ({ ...one, offset: String(one.offset) }));
    this.clear();
    const consumer = this.consumer();
    if (!consumer || offsets.length === 0) return;
    try {
      await consumer.commitOffsets(offsets);
    } catch (error) {
      this.logger.debug({ err: error }, 'Offsets not committed; they are a hint only');
    }
  }
}
