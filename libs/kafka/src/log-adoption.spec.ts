import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BatchingProducer } from './batching-producer.js';
import { logMismatch, positionMismatch, readAdoption } from './log-adoption.js';
import { TestBroker, writeNumbers } from './real-kafka.fixture.js';
import { describeCluster } from './topics.js';

const broker = new TestBroker(process.env.KAFKA_BROKERS);
let topic: string;

beforeAll(async () => {
  topic = await broker.topic(2);
  const producer = broker.closing(new BatchingProducer({ client: broker.client }));
  await writeNumbers(producer, topic, 1, 3);
  await broker.client.withAdmin(async (admin) => {
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 1, offset: '1' }] });
  });
});

afterAll(async () => {
  await broker.closeParts();
  await broker.remove();
});

const adopt = (...args: string[]) => readAdoption(broker.client, args);

describe('adoption of a log', () => {
  it.each([
    ['earliest', 1],
    ['latest', 3],
    ['1', 1],
    ['2', 2],
    ['3', 3],
  ])('from %s begins at %d, in the cluster that is there', async (from, position) => {
    const { clusterId } = await broker.client.withAdmin(describeCluster);

    expect(await adopt('--topic', topic, '--partition', '1', '--from', from)).toEqual({
      topic,
      partition: 1,
      clusterId,
      position,
    });
  });

  it.each(['0', '4', '-1', '1.5', '1e0', '0x1', '', ' ', 'first', '9'.repeat(20)])(
    'refuses to begin at %j, and names the offsets that there are',
    async (from) => {
      await expect(adopt('--topic', topic, '--partition', '1', `--from=${from}`)).rejects.toThrow(/from 1 to 3/);
    },
  );

  it('says how it is called, and which partition is not there', async () => {
    await expect(adopt()).rejects.toThrow(/^usage: adopt-log --topic/);
    await expect(adopt('--topic', topic, '--partition', 'one', '--from', 'latest')).rejects.toThrow(/^usage:/);
    await expect(adopt('--topic', topic, '--partition', '2', '--from', 'latest')).rejects.toThrow('has no partition 2');
  });
});

describe('a position', () => {
  it('is of a log from its first offset to its next one', () => {
    const log = { low: 5, high: 7 };

    expect([4, 5, 7, 8].map((position) => positionMismatch(position, log))).toEqual([
      'position 4 is no longer kept, the log begins at 5',
      undefined,
      undefined,
      "position 8 is past the log's end, 7",
    ]);
  });

  it('that is none of its log is told with the command that resolves it', () => {
    expect(logMismatch('nexus', { topic: 't', partition: 3 }, 'why')).toBe(
      'event_spine.log_mismatch: why. If this log is to be followed from now on, run: ' +
        'node apps/nexus/dist/adopt-log.js --topic t --partition 3 --from earliest|latest|<offset>',
    );
  });
});
