import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { BatchingProducer } from './batching-producer.js';
import type { PartitionBatch } from './partition-batch.js';
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

describe('Positions of a PartitionConsumer', () => {
  it('asks for positions until it gets them, and reads nothing before', async () => {
    const topic = await broker.topic(1);
    await writeNumbers(producer, topic, 0, 10);
    let asked = 0;
    const read: number[] = [];
    const consumer = consume(topic, {
      retryMinMs: 50,
      onAssigned: async (assigned) => {
        asked += 1;
        expect(read).toEqual([]);
        expect(consumer.status().partitions[0]?.state).toBe('paused');
        if (asked < 4) throw new Error('database away');
        return assigned.map((one) => ({ ...one, position: 4 }));
      },
      handler: ({ records }) => void read.push(...records.map(numberOf)),
    });
    await until(() => read.length === 6);
    expect(read).toEqual(numbers(6, 4));
    expect(asked).toBe(4);
  });

  it.each([
    ['below the start of the log', 10],
    ['past its end', 5000],
  ])('reads nothing from a position %s, but asks again', async (_where, position) => {
    const topic = await broker.topic(1);
    await writeNumbers(producer, topic, 0, 100);
    await broker.client.withAdmin(async (admin) => {
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '50' }] });
    });
    const read: number[] = [];
    let asked = 0;
    const consumer = consume(topic, {
      onAssigned: async (assigned) => {
        asked += 1;
        if (asked < 3) return assigned.map((one) => ({ ...one, position }));
        return assigned.map((one) => ({ ...one, position: 'stopped' as const, reason: 'log mismatch' }));
      },
      handler: ({ records }) => void read.push(...records.map(numberOf)),
    });
    await until(() => consumer.status().partitions[0]?.state === 'stopped');
    expect(read).toEqual([]);
    expect(asked).toBe(3);
  });

  it('goes past transaction markers and aborted records, and keeps its position contiguous', async () => {
    const topic = await broker.topic(1);
    const transactional = broker.client.kafka.producer({
      transactionalId: topic,
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await transactional.connect();
    const write = async (values: number[], end: 'commit' | 'abort'): Promise<void> => {
      const transaction = await transactional.transaction();
      await transaction.send({ topic, messages: values.map((value) => ({ value: String(value), partition: 0 })) });
      await transaction[end]();
    };
    const batches: PartitionBatch[] = [];
    let asked = 0;
    const consumer = consume(topic, {
      onAssigned: async (assigned) => {
        asked += 1;
        return assigned.map((one) => ({ ...one, position: 0 }));
      },
      handler: (batch) => void batches.push(batch),
    });
    await until(() => consumer.status().ready);
    for (const [values, end] of [
      [[1, 2, 3], 'commit'],
      [[4, 5], 'abort'],
      [[6], 'abort'],
      [[7, 8], 'commit'],
    ] as const) {
      await write([...values], end);
      await sleep(150);
    }
    await transactional.disconnect();
    await writeNumbers(producer, topic, 0, 1, 9);
    const read = () => batches.flatMap(({ records }) => records.map(numberOf));
    await until(() => read().length === 6);
    expect(read()).toEqual([1, 2, 3, 7, 8, 9]);
    let position = 0;
    for (const { firstOffset, nextOffset } of batches) {
      expect(firstOffset).toBe(position);
      position = nextOffset;
    }
    expect(asked).toBe(1);
  });
});
