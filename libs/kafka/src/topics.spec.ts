import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { PartitionCountMismatch, UnknownTopic } from './errors.js';
import { TestBroker } from './real-kafka.fixture.js';
import { describeCluster, ensureTopics, partitionCount, topicWatermarks, type TopicSpec } from './topics.js';

jest.setTimeout(60_000);

const broker = new TestBroker(process.env['KAFKA_BROKERS']);
afterAll(() => broker.remove());

const ensure = (...specs: TopicSpec[]) => broker.client.withAdmin((admin) => ensureTopics(admin, specs));
const specOf = (topic: string): TopicSpec => ({
  topic,
  partitions: 3,
  replication: 1,
  retentionMs: 3_600_000,
  maxMessageBytes: 200_000,
});

describe('ensureTopics', () => {
  it('creates what is missing, once', async () => {
    const topic = broker.name();
    expect(await ensure(specOf(topic))).toEqual({ created: [topic], existing: [], differences: [] });
    expect(await ensure(specOf(topic))).toEqual({ created: [], existing: [topic], differences: [] });
    expect(await broker.client.withAdmin((admin) => partitionCount(admin, topic))).toBe(3);
  });

  it('is safe when several run at once: each topic is created by one of them', async () => {
    const specs = [specOf(broker.name()), specOf(broker.name()), specOf(broker.name())];
    const results = await Promise.all([ensure(...specs), ensure(...specs), ensure(...specs), ensure(...specs)]);
    expect(results.flatMap(({ created }) => created).sort()).toEqual(specs.map(({ topic }) => topic).sort());
  });

  it('refuses a topic with another number of partitions, and names both', async () => {
    const topic = await broker.topic(2);
    const refusal = await ensure(specOf(topic)).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(PartitionCountMismatch);
    expect(refusal).toMatchObject({ topic, expectedPartitions: 3, actualPartitions: 2 });
  });

  it('reports settings that differ and changes none', async () => {
    const topic = broker.name();
    await ensure(specOf(topic));
    const differing = { ...specOf(topic), retentionMs: 1_000_000 };
    const difference = { topic, setting: 'retention.ms', expected: '1000000', actual: '3600000' };
    expect((await ensure(differing)).differences).toEqual([difference]);
    expect((await ensure(differing)).differences).toEqual([difference]);
  });
});

it('tells first and next offsets, the cluster, and that a topic is unknown', async () => {
  const topic = await broker.topic(2);
  expect(await broker.client.withAdmin((admin) => topicWatermarks(admin, topic))).toEqual([
    { partition: 0, low: 0, high: 0 },
    { partition: 1, low: 0, high: 0 },
  ]);
  const { clusterId, brokers } = await broker.client.withAdmin(describeCluster);
  expect(clusterId).toMatch(/\S{10,}/);
  expect(brokers.length).toBeGreaterThan(0);
  await expect(broker.client.withAdmin((admin) => partitionCount(admin, broker.name()))).rejects.toThrow(UnknownTopic);
});
