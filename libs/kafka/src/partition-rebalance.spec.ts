import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { AssignerProtocol } from 'kafkajs';
import { BatchingProducer } from './batching-producer.js';
import { PositionLost } from './errors.js';
import { PartitionConsumer } from './partition-consumer.js';
import { numberOf, numbers, sleep, TestBroker, until, writeNumbers } from './real-kafka.fixture.js';
import type { KafkaClient } from './client.js';

jest.setTimeout(60_000);

const broker = new TestBroker(process.env['KAFKA_BROKERS']);
afterEach(() => broker.closeParts());
afterAll(() => broker.remove());

/** What a database does for the projector: positions moved by compare-and-set, together with what was applied. */
class AppliedLog {
  readonly positions: number[];
  readonly applied: number[][];
  lostRaces = 0;

  constructor(partitions: number) {
    this.positions = numbers(partitions).map(() => 0);
    this.applied = numbers(partitions).map(() => []);
  }

  apply(partition: number, from: number, to: number, values: number[]): void {
    if (this.positions[partition] !== from) {
      this.lostRaces += 1;
      throw new PositionLost(this.positions[partition]);
    }
    this.positions[partition] = to;
    this.applied[partition]?.push(...values);
  }
}

function member(
  topic: string,
  groupId: string,
  log: AppliedLog,
  client: KafkaClient = broker.client,
): PartitionConsumer {
  const handedOver = new Map<string, number>();
  const consumer = new PartitionConsumer({
    client,
    groupId,
    topics: [topic],
    maxBatchRecords: 50,
    heartbeatIntervalMs: 200,
    sessionTimeoutMs: 6000,
    onFatal: (error) => {
      throw error;
    },
    onAssigned: async (assigned) =>
      assigned.map((one) => ({ ...one, position: log.positions[one.partition] ?? 'stopped' })),
    handler: async ({ partition, generation, firstOffset, nextOffset, records }) => {
      const key = `${generation}/${partition}`;
      expect(firstOffset).toBe(handedOver.get(key) ?? firstOffset);
      await sleep(2);
      try {
        log.apply(partition, firstOffset, nextOffset, records.map(numberOf));
        handedOver.set(key, nextOffset);
      } catch (error) {
        handedOver.delete(key);
        throw error;
      }
    },
  });
  void consumer.start();
  return broker.closing(consumer);
}

const partitionsOf = (consumer: PartitionConsumer) =>
  consumer
    .status()
    .partitions.map(({ partition }) => partition)
    .sort();

describe('PartitionConsumers of one group', () => {
  it('share partitions, and through every rebalance each record is applied once, in order', async () => {
    const topic = await broker.topic(4);
    const groupId = broker.group();
    const log = new AppliedLog(4);
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    let written = 0;
    let writing = true;
    const writer = (async () => {
      while (writing) {
        await Promise.all(numbers(4).map((partition) => writeNumbers(producer, topic, partition, 25, written)));
        written += 25;
        await sleep(3);
      }
    })();

    const first = member(topic, groupId, log);
    await until(() => first.status().ready && partitionsOf(first).length === 4);
    const second = member(topic, groupId, log);
    await until(() => second.status().ready && first.status().ready && partitionsOf(second).length === 2);
    expect([...partitionsOf(first), ...partitionsOf(second)].sort()).toEqual([0, 1, 2, 3]);
    await sleep(500);
    await first.stop();
    await until(() => second.status().ready && partitionsOf(second).length === 4);
    const third = member(topic, groupId, log);
    await until(() => third.status().ready && partitionsOf(third).length === 2);
    await sleep(300);
    writing = false;
    await writer;

    await until(() => log.positions.every((position) => position === written));
    for (const applied of log.applied) expect(applied).toEqual(numbers(written));
  });

  it('takes over from a member that was cut off, and the one cut off harms nothing when it is back', async () => {
    const topic = await broker.topic(2);
    const groupId = broker.group();
    const log = new AppliedLog(2);
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    const proxy = broker.closing(await broker.cuttable());
    const cutOff = member(topic, groupId, log, proxy.client);
    await until(() => cutOff.status().ready);
    await writeNumbers(producer, topic, 0, 500);
    proxy.freeze();
    const other = member(topic, groupId, log);
    await writeNumbers(producer, topic, 1, 500);
    await writeNumbers(producer, topic, 0, 500, 500);
    await until(() => log.positions.every((position, partition) => position === (partition === 0 ? 1000 : 500)));
    expect(partitionsOf(other)).toEqual([0, 1]);
    proxy.mend();
    await until(() => cutOff.status().ready && partitionsOf(cutOff).length === 1, 40_000);
    await writeNumbers(producer, topic, 0, 100, 1000);
    await writeNumbers(producer, topic, 1, 100, 500);
    await until(() => log.positions[0] === 1100 && log.positions[1] === 600);
    expect(log.applied).toEqual([numbers(1100), numbers(600)]);
  });

  it('is back by itself after the broker was away, without a record lost or doubled', async () => {
    const topic = await broker.topic(1);
    const log = new AppliedLog(1);
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    const proxy = broker.closing(await broker.cuttable());
    const consumer = member(topic, broker.group(), log, proxy.client);
    await until(() => consumer.status().ready);
    await writeNumbers(producer, topic, 0, 500);
    proxy.cut();
    await writeNumbers(producer, topic, 0, 500, 500);
    await sleep(3000);
    proxy.mend();
    await until(() => log.positions[0] === 1000, 40_000);
    expect(log.applied).toEqual([numbers(1000)]);
    expect(consumer.status()).toMatchObject({ joined: true, ready: true });
  });

  it('waits for a broker that is not there yet', async () => {
    const topic = await broker.topic(1);
    const log = new AppliedLog(1);
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    await writeNumbers(producer, topic, 0, 10);
    const proxy = broker.closing(await broker.cuttable());
    proxy.cut();
    const consumer = member(topic, broker.group(), log, proxy.client);
    await sleep(1000);
    expect(consumer.status()).toMatchObject({ joined: false, ready: false });
    proxy.mend();
    await until(() => log.positions[0] === 10);
  });

  it('says that it is over when kafkajs will not try again', async () => {
    const topic = await broker.topic(1);
    const groupId = broker.group();
    // A group whose members agreed on another way to share partitions.
    const stranger = broker.client.kafka.consumer({
      groupId,
      partitionAssigners: [
        () => ({
          name: 'another',
          version: 1,
          assign: async () => [],
          protocol: ({ topics }) => ({
            name: 'another',
            metadata: AssignerProtocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.alloc(0) }),
          }),
        }),
      ],
    });
    await stranger.connect();
    await stranger.subscribe({ topics: [topic] });
    await stranger.run({ eachMessage: () => Promise.resolve() });
    const fatal: Error[] = [];
    const consumer = broker.closing(
      new PartitionConsumer({
        client: broker.client,
        groupId,
        topics: [topic],
        onAssigned: () => Promise.resolve([]),
        handler: () => undefined,
        onFatal: (error) => fatal.push(error),
      }),
    );
    await consumer.start();
    await until(() => fatal.length > 0);
    expect(fatal[0]).toMatchObject({ type: 'INCONSISTENT_GROUP_PROTOCOL' });
    expect(consumer.status()).toMatchObject({ joined: false, ready: false });
    await stranger.disconnect();
  });

  it('begins anew where kafkajs gives up because no broker knew the coordinator for a while', async () => {
    const topic = await broker.topic(1);
    // What kafkajs tells then, told to what listens, once it has ended the consumer as it does.
    const crashes: (() => Promise<void>)[] = [];
    const { kafka } = broker.client;
    const watched = Object.assign(Object.create(kafka) as typeof kafka, {
      consumer: (options: Parameters<typeof kafka.consumer>[0]) => {
        const made = kafka.consumer(options);
        const on = made.on.bind(made);
        made.on = ((event: string, listener: (told: object) => void) => {
          if (event !== made.events.CRASH) return on(event as 'consumer.crash', listener);
          crashes.push(async () => {
            await made.disconnect();
            const error = Object.assign(new Error('no coordinator'), { name: 'KafkaJSGroupCoordinatorNotFound' });
            listener({ payload: { error, groupId: '', restart: false } });
          });
          return () => undefined;
        }) as typeof made.on;
        return made;
      },
    });
    const fatal: Error[] = [];
    const read: number[] = [];
    const consumer = broker.closing(
      new PartitionConsumer({
        client: { ...broker.client, kafka: watched },
        groupId: broker.group(),
        topics: [topic],
        onAssigned: (assigned) => Promise.resolve(assigned.map((one) => ({ ...one, position: read.length }))),
        handler: ({ records }) => void read.push(...records.map(({ offset }) => offset)),
        onFatal: (error) => fatal.push(error),
      }),
    );
    await consumer.start();
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    await writeNumbers(producer, topic, 0, 3);
    await until(() => read.length === 3);
    await crashes[0]!();
    expect(consumer.status()).toMatchObject({ joined: false, ready: false });
    await writeNumbers(producer, topic, 0, 2, 3);
    await until(() => read.length === 5);
    expect([read, fatal, crashes.length]).toEqual([[0, 1, 2, 3, 4], [], 2]);
  });

  it('stops at once while it cannot connect', async () => {
    const topic = await broker.topic(1);
    const proxy = broker.closing(await broker.cuttable());
    proxy.cut();
    const consumer = member(topic, broker.group(), new AppliedLog(1), proxy.client);
    await sleep(200);
    const begun = Date.now();
    await consumer.stop();
    expect(Date.now() - begun).toBeLessThan(2000);
  });
});
