import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { BatchingProducer } from './batching-producer.js';
import { DeadLetterProducer } from './dead-letter-producer.js';
import { UnknownTopic } from './errors.js';
import { partitionFor } from './partitioning.js';
import { TestBroker } from './real-kafka.fixture.js';
import { headerText } from './records.js';

jest.setTimeout(60_000);

const broker = new TestBroker(process.env['KAFKA_BROKERS']);
afterEach(() => broker.closeParts());
afterAll(() => broker.remove());

const source = { topic: 'runspine.runs.v1', partition: 3, offset: 42, group: 'projector' };

describe('DeadLetterProducer', () => {
  it('keeps key, value and headers as they were, and says where from and why', async () => {
    const [raw, topic] = [await broker.topic(1), await broker.topic(4)];
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    const key = Buffer.from([0xff, 0x00, 0x61]);
    const value = Buffer.from('{"not json');
    const headers = { ce_id: '1', nothing: null, twice: ['a', 'b'], __proto__x: 'p', dl_code: 'of an earlier redrive' };
    await producer.send({ topic: raw, partition: 0, key, value, headers });
    const [record] = (await broker.readAll(raw)).flat();
    if (!record) throw new Error('Not written.');

    const letters = new DeadLetterProducer({ client: broker.client, producer, topic });
    const detail = '/data/run_id: Expected string'.padEnd(3000, '.');
    const { partition } = await letters.publish({ source, code: 'event.malformed', detail, record });

    expect(partition).toBe(partitionFor(key, 4));
    const letter = (await broker.readAll(topic))[partition]?.[0];
    expect(letter).toMatchObject({ key, value });
    const text = (name: string) => headerText(letter?.headers ?? {}, name);
    expect(letter?.headers['twice']).toEqual(['a', 'b']);
    expect([text('ce_id'), text('nothing'), text('__proto__x')]).toEqual(['1', '', 'p']);
    expect([text('dl_topic'), text('dl_partition'), text('dl_offset'), text('dl_group')]).toEqual([
      'runspine.runs.v1',
      '3',
      '42',
      'projector',
    ]);
    expect(text('dl_code')).toBe('event.malformed');
    expect(text('dl_detail')).toBe(detail.slice(0, 1024));
    expect(Math.abs(Date.parse(text('dl_time') ?? '') - Date.now())).toBeLessThan(30_000);
  });

  it('writes what has no key or no value to partition 0', async () => {
    const topic = await broker.topic(4);
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    const letters = new DeadLetterProducer({ client: broker.client, producer, topic });
    const record = { key: null, value: null, headers: {} };
    expect((await letters.publish({ source, code: 'event.malformed', record })).partition).toBe(0);
    expect((await broker.readAll(topic))[0]).toMatchObject([{ key: null, value: null }]);
  });

  it('rejects while the topic is missing, and asks again', async () => {
    const topic = broker.name();
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    const letters = new DeadLetterProducer({ client: broker.client, producer, topic });
    const letter = { source, code: 'event.malformed', record: { key: null, value: null } };
    await expect(letters.publish(letter)).rejects.toThrow(UnknownTopic);
    await broker.client.withAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }));
    await expect(letters.publish(letter)).resolves.toEqual({ partition: 0, offset: 0 });
  });
});
