import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newEventId } from '@runspine/contracts';
import { BatchingProducer, createKafkaClient, ensureTopics, readTopicRange, topicWatermarks } from '@runspine/kafka';
import { createLogger } from '@runspine/service';
import type { Told } from '../runs/fold-batch.js';
import { FeedPublisher } from './feed-publisher.js';

const brokers = (process.env.KAFKA_BROKERS ?? '127.0.0.1:9092').split(',');
const topic = `feed_${randomBytes(6).toString('hex')}`;
const kafka = createKafkaClient({ brokers, clientId: topic });
const logger = createLogger('test', { logLevel: 'fatal', instance: topic });
let producer: BatchingProducer;
let feed: FeedPublisher;
let from = 0;

beforeAll(async () => {
  await kafka.withAdmin((admin) => ensureTopics(admin, [{ topic, partitions: 1, replication: 1 }]));
  producer = new BatchingProducer({ client: kafka });
});
beforeEach(async () => {
  from = await end();
});
afterAll(async () => {
  await producer.close();
  await kafka.withAdmin((admin) => admin.deleteTopics({ topics: [topic] }));
});

/** A feed whose outcomes gather for longer than a test takes, or not at all. */
function open(lingerMs = 60_000): void {
  feed = new FeedPublisher({ producer, topic, logger, lingerMs });
}

function told(run: string, noticed: boolean): Told {
  const event_id = newEventId();
  return {
    entry: { event: { id: event_id, partitionkey: run }, hash: '', dataText: '{}' },
    outcome: { event_id, tenant_id: 'acme', env: 'default', run_id: run },
    event: undefined,
    after: undefined,
    noticed,
  } as unknown as Told;
}

const publish = (batch: readonly Told[]) => feed.publish(0, feed.prepare(0, batch));
const ids = (...batches: readonly Told[][]) => batches.flat().map(({ outcome }) => outcome.event_id);

async function end(): Promise<number> {
  return (await kafka.withAdmin((admin) => topicWatermarks(admin, topic)))[0]!.high;
}

/** What each record says of events that came since this was asked. */
async function toldSince(): Promise<string[][]> {
  const to = await end();
  const records: string[][] = [];
  await readTopicRange({
    client: kafka,
    topic,
    groupPrefix: topic,
    ranges: [{ partition: 0, from, to }],
    onRecord: ({ value }) => {
      const { outcomes } = JSON.parse(String(value)) as { outcomes: { outcome: { event_id: string } }[] };
      records.push(outcomes.map(({ outcome }) => outcome.event_id));
    },
  });
  from = to;
  return records;
}

describe('the feed', () => {
  it('has outcomes that somebody waits for at once, and others when they have gathered', async () => {
    open();
    const noticed = [told('a', true)];
    await publish(noticed);
    expect(await toldSince()).toEqual([]);
    await feed.flush();
    expect(await toldSince()).toEqual([ids(noticed)]);
    const awaited = [told('a', false)];
    await publish(awaited);
    await feed.flush();
    expect(await toldSince()).toEqual([ids(awaited)]);
  });

  it('has what gathered before what came later, a run in order', async () => {
    open();
    const [first, second, third] = [[told('a', true), told('b', true)], [told('a', true)], [told('a', false)]];
    for (const batch of [first, second, third]) await publish(batch);
    await feed.flush();
    const records = await toldSince();
    expect(records.flat()).toHaveLength(4);
    expect(records.flat().filter((id) => id !== ids(first)[1])).toEqual([ids(first)[0], ...ids(second, third)]);
  });

  it('has them without being asked when they have gathered long enough, or are many', async () => {
    open(20);
    const few = [told('a', true)];
    await publish(few);
    let records: string[][] = [];
    while (records.length === 0) records = await toldSince();
    expect(records).toEqual([ids(few)]);
    open();
    const many = Array.from({ length: 500 }, () => told('a', true));
    await publish(many);
    const next = [told('b', true)];
    // Resolves once the one before has left.
    await publish(next);
    expect(await toldSince()).toEqual([ids(many)]);
    await feed.flush();
    expect(await toldSince()).toEqual([ids(next)]);
  });

  it('gathers nothing where it may not', async () => {
    open(0);
    const noticed = [told('a', true)];
    await publish(noticed);
    const next = [told('b', true)];
    await publish(next);
    expect((await toldSince())[0]).toEqual(ids(noticed));
    await feed.flush();
  });

  it('counts what it lost, and goes on', async () => {
    const closed = new BatchingProducer({ client: kafka });
    await closed.close();
    const lossy = new FeedPublisher({ producer: closed, topic, logger, lingerMs: 60_000 });
    await lossy.publish(0, lossy.prepare(0, [told('a', true), told('b', true)]));
    await lossy.publish(0, lossy.prepare(0, [told('a', false)]));
    await lossy.flush();
    expect(lossy.lostOutcomes).toBe(3);
  });
});
