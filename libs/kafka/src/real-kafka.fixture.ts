import { randomUUID } from 'node:crypto';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { createKafkaClient, type KafkaClient } from './client.js';
import type { BatchingProducer } from './batching-producer.js';
import type { KafkaRecord, RecordPosition } from './records.js';
import { ensureTopics, type TopicSpec } from './topics.js';

/** Topics and groups of one test file, deleted after it; and what must be closed before. */
export class TestBroker {
  readonly client: KafkaClient;
  private readonly brokers: string[];
  private readonly topics: string[] = [];
  private readonly groups: string[] = [];
  private readonly closers: (() => Promise<unknown>)[] = [];

  /** @param brokers host:port, comma-separated: KAFKA_BROKERS */
  constructor(brokers = '127.0.0.1:9092') {
    this.brokers = brokers.split(',');
    this.client = createKafkaClient({ brokers: this.brokers, clientId: 'runspine-test' });
  }

  /** Another way to the broker, which can be cut. */
  cuttable(): Promise<CuttableBroker> {
    return CuttableBroker.start(this.brokers);
  }

  async topic(partitions: number, config: Partial<TopicSpec> = {}): Promise<string> {
    const topic = this.name();
    await this.client.withAdmin((admin) => ensureTopics(admin, [{ topic, partitions, replication: 1, ...config }]));
    return topic;
  }

  /** A name for a topic that does not exist yet, deleted after all the same. */
  name(): string {
    const topic = `kafka-test-${randomUUID()}`;
    this.topics.push(topic);
    return topic;
  }

  group(): string {
    const group = `kafka-test-${randomUUID()}`;
    this.groups.push(group);
    return group;
  }

  /** Closes it after the test. */
  closing<T extends { close(): Promise<unknown> } | { stop(): Promise<unknown> }>(part: T): T {
    this.closers.push(() => ('close' in part ? part.close() : part.stop()));
    return part;
  }

  async closeParts(): Promise<void> {
    for (const close of this.closers.splice(0).reverse()) await close();
  }

  async remove(): Promise<void> {
    await this.client.withAdmin(async (admin) => {
      const known = new Set(await admin.listTopics());
      const topics = this.topics.filter((topic) => known.has(topic));
      if (topics.length > 0) await admin.deleteTopics({ topics });
      await admin.deleteGroups(this.groups).catch(() => undefined);
    });
  }

  /** Everything that a topic holds, by partition. */
  async readAll(topic: string): Promise<KafkaRecord[][]> {
    const offsets = await this.client.withAdmin((admin) => admin.fetchTopicOffsets(topic));
    const records: KafkaRecord[][] = offsets.map(() => []);
    const awaited = offsets.filter(({ low, high }) => low !== high).map(({ partition, high }) => ({ partition, high }));
    const consumer = this.client.kafka.consumer({ groupId: this.group(), maxWaitTimeInMs: 50 });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message: { offset, timestamp, key, value, headers = {} } }) => {
        const record = {
          topic,
          partition,
          offset: Number(offset),
          timestampMs: Number(timestamp),
          key,
          value,
          headers,
        };
        records[partition]?.push(record);
      },
    });
    await until(() => awaited.every(({ partition, high }) => records[partition]?.at(-1)?.offset === Number(high) - 1));
    await consumer.disconnect();
    return records;
  }
}

/** Writes `count` records with the values from, from + 1, … to one partition. */
export function writeNumbers(
  producer: BatchingProducer,
  topic: string,
  partition: number,
  count: number,
  from = 0,
): Promise<RecordPosition[]> {
  return producer.sendMany(
    Array.from({ length: count }, (_, index) => ({ topic, partition, key: `k${index}`, value: String(from + index) })),
  );
}

export function numbers(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

export function numberOf(record: { readonly value: Buffer | null }): number {
  return Number(record.value?.toString());
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits for a condition; fails after `timeoutMs`. */
export async function until(condition: () => boolean, timeoutMs = 20_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; !condition(); await sleep(5)) {
    if (Date.now() > end) throw new Error(`Not within ${timeoutMs} ms: ${condition.toString()}`);
  }
}

/** A way to the broker that can be cut. All connections of its client go through it, whatever the broker advertises. */
export class CuttableBroker {
  private readonly sockets = new Set<Socket>();
  private open = true;
  private frozen = false;
  private constructor(
    private readonly server: ReturnType<typeof createServer>,
    readonly client: KafkaClient,
    private readonly broker: string,
  ) {
    server.on('connection', (socket) => this.forward(socket));
  }

  static async start(brokers: readonly string[]): Promise<CuttableBroker> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const client = createKafkaClient({
      brokers,
      clientId: 'runspine-test',
      connection: { socketFactory: ({ onConnect }) => connect({ host: '127.0.0.1', port }, onConnect) },
    });
    return new CuttableBroker(server, client, brokers[0] ?? '');
  }

  cut(): void {
    this.open = false;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.open = true;
    this.frozen = false;
    for (const socket of this.sockets) socket.resume();
  }

  /** Connections stay, nothing goes through. */
  freeze(): void {
    this.frozen = true;
    for (const socket of this.sockets) socket.pause();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private forward(near: Socket): void {
    if (!this.open) return void near.destroy();
    const [host, port] = this.broker.split(':');
    const far = connect({ host: host ?? '', port: Number(port) });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(from);
      from.on('data', (data) => to.write(data));
      if (this.frozen) from.pause();
      from.on('error', () => undefined);
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
    }
  }
}
