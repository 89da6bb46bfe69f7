import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { BatchingProducer } from './batching-producer.js';
import { GroupOfOneReader, type ReaderGap } from './group-of-one-reader.js';
import { PartitionConsumer } from './partition-consumer.js';
import { numberOf, numbers, sleep, TestBroker, until, writeNumbers } from './real-kafka.fixture.js';

jest.setTimeout(60_000);

const broker = new TestBroker(process.env['KAFKA_BROKERS']);
afterEach(() => broker.closeParts());
afterAll(() => broker.remove());

function readerOf(
  topic: string,
  partitions: number,
): { reader: GroupOfOneReader; read: number[][]; gaps: ReaderGap[] } {
  const read: number[][] = numbers(partitions).map(() => []);
  const gaps: ReaderGap[] = [];
  const reader = new GroupOfOneReader({
    client: broker.client,
    topic,
    groupPrefix: 'kafka-test-feed',
    consumer: { heartbeatIntervalMs: 200 },
    onFatal: (error) => {
      throw error;
    },
    onGap: (gap) => gaps.push(gap),
    handler: ({ partition, records }) => void read[partition]?.push(...records.map(numberOf)),
  });
  return { reader: broker.closing(reader), read, gaps };
}

describe('GroupOfOneReader', () => {
  it('reads every partition from now on, each reader all of it', async () => {
    const topic = await broker.topic(3);
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    for (const partition of numbers(3)) await writeNumbers(producer, topic, partition, 10, -10);
    const readers = [readerOf(topic, 3), readerOf(topic, 3)];
    await Promise.all(readers.map(({ reader }) => reader.start()));
    await Promise.all(readers.map(({ reader }) => reader.whenReady()));
    expect(readers.every(({ reader }) => reader.ready)).toBe(true);
    for (const partition of numbers(3)) await writeNumbers(producer, topic, partition, 100);
    await until(() => readers.every(({ read }) => read.flat().length === 300));
    for (const { read, gaps } of readers) {
      expect(read).toEqual([numbers(100), numbers(100), numbers(100)]);
      expect(gaps).toEqual([]);
    }
  });

  it('reads what was written between its start and its being ready', async () => {
    const topic = await broker.topic(1);
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    await producer.connect();
    const { reader, read } = readerOf(topic, 1);
    const starting = reader.start();
    await until(() => reader['positions'].size > 0);
    await writeNumbers(producer, topic, 0, 10);
    await starting;
    await until(() => read[0]?.length === 10);
    expect(read).toEqual([numbers(10)]);
  });

  it('loses and repeats nothing while another member joins its group and leaves again, under load', async () => {
    const topic = await broker.topic(2);
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    const { reader, read, gaps } = readerOf(topic, 2);
    await reader.start();
    await reader.whenReady();
    let written = 0;
    let writing = true;
    const writer = (async () => {
      while (writing) {
        await Promise.all([0, 1].map((partition) => writeNumbers(producer, topic, partition, 20, written)));
        written += 20;
        await sleep(2);
      }
    })();
    for (let round = 0; round < 2; round++) {
      const intruder = new PartitionConsumer({
        client: broker.client,
        groupId: reader.groupId,
        topics: [topic],
        commitPositions: round === 0,
        onAssigned: async (assigned) => assigned.map((one) => ({ ...one, position: 0 })),
        onFatal: () => undefined,
        handler: () => undefined,
      });
      await intruder.start();
      await until(() => intruder.status().ready);
      await until(() => !reader.ready);
      await sleep(300);
      await intruder.stop();
      await until(() => reader.ready);
    }
    writing = false;
    await writer;
    await until(() => read.every((values) => values.length >= written));
    expect(read).toEqual([numbers(written), numbers(written)]);
    expect(gaps).toEqual([]);
  });

  it('says what it missed when the log is shorter than its position, and reads on', async () => {
    const topic = await broker.topic(1);
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    const { reader, read, gaps } = readerOf(topic, 1);
    await reader.start();
    await reader.whenReady();
    await writeNumbers(producer, topic, 0, 10);
    await until(() => read[0]?.length === 10);
    // As after being away for longer than the topic keeps.
    reader['positions'].set(0, 3);
    await broker.client.withAdmin(async (admin) => {
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '8' }] });
    });
    reader['consumer'].reposition(topic, 0);
    await until(() => read[0]?.length === 12);
    expect(gaps).toEqual([{ topic, partition: 0, from: 3, to: 8 }]);
    expect(read).toEqual([[...numbers(10), 8, 9]]);
  });

  it('deletes its group when it closes', async () => {
    const topic = await broker.topic(1);
    const { reader } = readerOf(topic, 1);
    await reader.start();
    await reader.whenReady();
    const groups = () => broker.client.withAdmin(async (admin) => (await admin.listGroups()).groups);
    const known = async () => (await groups()).some(({ groupId }) => groupId === reader.groupId);
    expect(await known()).toBe(true);
    await reader.close();
    expect(await known()).toBe(false);
  });
});
