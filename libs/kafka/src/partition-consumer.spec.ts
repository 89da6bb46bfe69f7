import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { BatchingProducer } from './batching-producer.js';
import { PositionLost } from './errors.js';
import type { AssignedPosition, PartitionBatch } from './partition-batch.js';
import { PartitionConsumer } from './partition-consumer.js';
import type { PartitionConsumerOptions } from './partition-consumer-options.js';
import { numberOf, numbers, sleep, TestBroker, until, writeNumbers } from './real-kafka.fixture.js';
import type { TopicPartition } from './records.js';

jest.setTimeout(60_000);

const broker = new TestBroker(process.env['KAFKA_BROKERS']);
let producer: BatchingProducer;
beforeEach(() => {
  producer = broker.closing(new BatchingProducer({ client: broker.client }));
});
afterEach(() => broker.closeParts());
afterAll(() => broker.remove());

const at = (position: number) => async (assigned: TopicPartition[]) => assigned.map((one) => ({ ...one, position }));

function consume(topic: string, options: Partial<PartitionConsumerOptions>): PartitionConsumer {
  const consumer = new PartitionConsumer({
    client: broker.client,
    groupId: broker.group(),
    topics: [topic],
    onAssigned: at(0),
    onFatal: (error) => {
      throw error;
    },
    handler: () => undefined,
    ...options,
  });
  void consumer.start();
  return broker.closing(consumer);
}

describe('PartitionConsumer', () => {
  it('begins where it is told, whatever offsets are committed', async () => {
    const topic = await broker.topic(2);
    await writeNumbers(producer, topic, 0, 100);
    await writeNumbers(producer, topic, 1, 100);
    const groupId = broker.group();
    await broker.client.withAdmin((admin) =>
      admin.setOffsets({
        groupId,
        topic,
        partitions: [
          { partition: 0, offset: '90' },
          { partition: 1, offset: '5' },
        ],
      }),
    );
    const read: number[][] = [[], []];
    const consumer = consume(topic, {
      groupId,
      onAssigned: async (assigned) => assigned.map((one) => ({ ...one, position: one.partition === 0 ? 10 : 70 })),
      handler: ({ partition, records }) => void read[partition]?.push(...records.map(numberOf)),
    });
    await until(() => read.flat().length >= 120);
    expect(read).toEqual([numbers(90, 10), numbers(30, 70)]);
    expect(consumer.status()).toMatchObject({ joined: true, ready: true });
    expect(consumer.status().partitions).toMatchObject([
      { partition: 0, state: 'running', position: 100, lag: 0, queuedRecords: 0, queuedBytes: 0 },
      { partition: 1, state: 'running', position: 100, lag: 0, queuedRecords: 0, queuedBytes: 0 },
    ]);
  });

  it('hands over contiguous batches within their bounds, and commits positions as a hint', async () => {
    const topic = await broker.topic(1);
    await writeNumbers(producer, topic, 0, 1000);
    const groupId = broker.group();
    const batches: PartitionBatch[] = [];
    const handler = (batch: PartitionBatch): void => void batches.push(batch);
    consume(topic, { groupId, handler, maxBatchRecords: 64, commitIntervalMs: 50 });
    await until(() => batches.at(-1)?.nextOffset === 1000);
    let position = 0;
    for (const { firstOffset, nextOffset, records, highWatermark } of batches) {
      expect(firstOffset).toBe(position);
      expect(records.length).toBeLessThanOrEqual(64);
      expect(records.map(({ offset }) => offset)).toEqual(numbers(nextOffset - firstOffset, firstOffset));
      expect(highWatermark).toBe(1000);
      position = nextOffset;
    }
    await sleep(300);
    const committed = await broker.client.withAdmin((admin) => admin.fetchOffsets({ groupId, topics: [topic] }));
    expect(committed[0]?.partitions).toMatchObject([{ partition: 0, offset: '1000' }]);
  });

  it('bounds what waits for a slow handler, and still reads all of it', async () => {
    const topic = await broker.topic(1);
    await producer.sendMany(
      numbers(4000).map((value) => ({ topic, partition: 0, key: null, value: String(value).padEnd(1000) })),
    );
    const read: number[] = [];
    let mostQueued = 0;
    const consumer = consume(topic, {
      maxBatchRecords: 50,
      highWaterRecords: 200,
      maxBytesPerPartition: 50_000,
      maxWaitTimeMs: 10,
      handler: async ({ records }) => {
        mostQueued = Math.max(mostQueued, consumer.status().partitions[0]?.queuedRecords ?? 0);
        await sleep(2);
        read.push(...records.map(numberOf));
      },
    });
    await until(() => read.length >= 4000);
    expect(read).toEqual(numbers(4000));
    // High-water mark, and what one fetch brings beyond it (a batch of the producer is read whole).
    expect(mostQueued).toBeLessThanOrEqual(200 + 1000);
  });

  it('gives a failed batch again until it succeeds, and says so; other partitions go on', async () => {
    const topic = await broker.topic(2);
    let failures = 0;
    const read: number[][] = [[], []];
    const consumer = consume(topic, {
      retryMinMs: 20,
      retryMaxMs: 50,
      handler: ({ partition, records }) => {
        if (partition === 0 && failures < 8) {
          failures += 1;
          throw new Error('database away');
        }
        read[partition]?.push(...records.map(numberOf));
      },
    });
    await until(() => consumer.status().ready);
    await writeNumbers(producer, topic, 0, 10);
    await until(() => failures >= 2);
    expect(consumer.status().partitions[0]).toMatchObject({ state: 'retrying', position: 0, error: 'database away' });
    await writeNumbers(producer, topic, 1, 10);
    await until(() => read[0]?.length === 10 && read[1]?.length === 10);
    expect(read).toEqual([numbers(10), numbers(10)]);
    expect(failures).toBe(8);
    expect(consumer.status().partitions[0]).toMatchObject({ state: 'running', position: 10, error: undefined });
  });

  it('goes where PositionLost says, back or on, and asks again when it does not say', async () => {
    const topic = await broker.topic(1);
    await writeNumbers(producer, topic, 0, 100);
    const moves = [new PositionLost(60), new PositionLost(20), new PositionLost()];
    const begun: number[] = [];
    let read: number[] = [];
    let asked = 0;
    consume(topic, {
      maxBatchRecords: 10,
      onAssigned: async (assigned) => {
        asked += 1;
        return assigned.map((one) => ({ ...one, position: asked === 1 ? 0 : 33 }));
      },
      handler: ({ firstOffset, records }) => {
        const move = moves.shift();
        if (move) {
          begun.push(firstOffset);
          throw move;
        }
        read = [...read, ...records.map(numberOf)];
      },
    });
    await until(() => read.at(-1) === 99);
    expect(begun).toEqual([0, 60, 20]);
    expect(read).toEqual(numbers(67, 33));
    expect(asked).toBe(2);
  });

  it('seeks on demand, and drops what was queued', async () => {
    const topic = await broker.topic(1);
    await writeNumbers(producer, topic, 0, 100);
    const read: number[] = [];
    const consumer = consume(topic, { handler: ({ records }) => void read.push(...records.map(numberOf)) });
    await until(() => read.length === 100);
    consumer.seek(topic, 0, 95);
    await until(() => read.length === 105);
    expect(read.slice(100)).toEqual(numbers(5, 95));
    await writeNumbers(producer, topic, 0, 3, 100);
    await until(() => read.length === 108);
    expect(read.slice(100)).toEqual(numbers(8, 95));
  });

  it('leaves a stopped partition alone until it is asked for again', async () => {
    const topic = await broker.topic(2);
    const read: number[][] = [[], []];
    let stopped = true;
    const consumer = consume(topic, {
      onAssigned: async (assigned) =>
        assigned.map((one): AssignedPosition => {
          if (one.partition === 1 && stopped) return { ...one, position: 'stopped', reason: 'log mismatch' };
          return { ...one, position: 0 };
        }),
      handler: ({ partition, records }) => void read[partition]?.push(...records.map(numberOf)),
    });
    await writeNumbers(producer, topic, 0, 10);
    await writeNumbers(producer, topic, 1, 10);
    await until(() => read[0]?.length === 10);
    await sleep(500);
    expect(read[1]).toEqual([]);
    expect(consumer.status()).toMatchObject({ joined: true, ready: false });
    expect(consumer.status().partitions[1]).toMatchObject({ state: 'stopped', error: 'log mismatch' });

    stopped = false;
    consumer.reposition(topic, 1);
    await until(() => read[1]?.length === 10);
    expect(consumer.status().ready).toBe(true);
  });

  it('lets the handler at work finish when it stops, and hands over nothing after', async () => {
    const topic = await broker.topic(1);
    await writeNumbers(producer, topic, 0, 1000);
    let started = 0;
    let finished = 0;
    const consumer = consume(topic, {
      maxBatchRecords: 10,
      handler: async () => {
        started += 1;
        await sleep(300);
        finished += 1;
      },
    });
    await until(() => started === 2);
    await consumer.stop();
    expect([started, finished]).toEqual([2, 2]);
    await sleep(400);
    expect(started).toBe(2);
    expect(consumer.status()).toMatchObject({ joined: false, ready: false, partitions: [] });
  });
});
