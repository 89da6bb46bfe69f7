import { afterAll, afterEach, expect, it, jest } from '@jest/globals';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { BatchingProducer } from './batching-producer.js';
import { PositionLost } from './errors.js';
import type { PartitionBatch } from './partition-batch.js';
import type { PartitionConsumer } from './partition-consumer.js';
import { PartitionHandler, ProjectorTransport } from './projector-transport.js';
import { numberOf, numbers, TestBroker, until, writeNumbers } from './real-kafka.fixture.js';

jest.setTimeout(60_000);

const broker = new TestBroker(process.env['KAFKA_BROKERS']);
afterEach(() => broker.closeParts());
afterAll(() => broker.remove());

const read = { runs: [] as number[], nexus: [] as number[] };
const faults: Error[] = [];

@Controller()
class BatchesController {
  @PartitionHandler('runs')
  async runs({ records }: PartitionBatch): Promise<void> {
    const fault = faults.shift();
    if (fault) throw fault;
    await Promise.resolve();
    read.runs.push(...records.map(numberOf));
  }

  @PartitionHandler('nexus')
  nexus({ records }: PartitionBatch): void {
    read.nexus.push(...records.map(numberOf));
  }
}

@Module({ controllers: [BatchesController] })
class TestModule {}

it("hands whole batches to a Nest controller's methods, by topic, and its errors back as they are", async () => {
  const prefix = `${broker.name()}-`;
  const [runs, nexus] = [`${prefix}runs`, `${prefix}nexus`];
  await broker.client.withAdmin((admin) =>
    admin.createTopics({ waitForLeaders: true, topics: [runs, nexus].map((topic) => ({ topic, numPartitions: 1 })) }),
  );
  faults.push(new Error('database away'), new PositionLost(5));
  const transport = new ProjectorTransport({
    client: broker.client,
    groupId: broker.group(),
    topicPrefix: prefix,
    retryMinMs: 20,
    onAssigned: async (assigned) => assigned.map((one) => ({ ...one, position: 0 })),
    onFatal: (error) => {
      throw error;
    },
  });
  const app = await NestFactory.createMicroservice(TestModule, { strategy: transport, logger: false });
  await app.listen();
  const producer = broker.closing(new BatchingProducer({ client: broker.client }));
  await writeNumbers(producer, runs, 0, 10);
  await writeNumbers(producer, nexus, 0, 10, 100);
  await until(() => read.runs.includes(9) && read.nexus.includes(109));
  expect(read).toEqual({ runs: numbers(5, 5), nexus: numbers(10, 100) });
  expect(faults).toEqual([]);
  expect(transport.consumerStatus()).toMatchObject({ joined: true, ready: true });
  expect(transport.unwrap<PartitionConsumer>().status().partitions).toHaveLength(2);
  await app.close();
  expect(transport.consumerStatus()).toMatchObject({ joined: false });
  await broker.client.withAdmin((admin) => admin.deleteTopics({ topics: [runs, nexus] }));
});
