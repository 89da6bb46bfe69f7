import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { BatchingProducer } from './batching-producer.js';
import { ProducerClosed, ProducerOverloaded, RecordTooLarge, UnknownPartition } from './errors.js';
import { partitionFor } from './partitioning.js';
import { numberOf, numbers, TestBroker, writeNumbers } from './real-kafka.fixture.js';

jest.setTimeout(60_000);

const broker = new TestBroker(process.env['KAFKA_BROKERS']);
afterEach(() => broker.closeParts());
afterAll(() => broker.remove());

describe('BatchingProducer', () => {
  it('acknowledges 20,000 concurrent sends: none lost, none doubled, in order, each at the offset it was told', async () => {
    const topic = await broker.topic(4);
    const producer = broker.closing(new BatchingProducer({ client: broker.client, maxQueuedRecords: 20_000 }));
    const sent = numbers(20_000).map((value) => ({ topic, partition: value % 4, key: `k${value}`, value: `${value}` }));

    const positions = await Promise.all(sent.map((record) => producer.send(record)));

    const read = await broker.readAll(topic);
    read.forEach((records, partition) => {
      expect(records.map(numberOf)).toEqual(numbers(20_000).filter((value) => value % 4 === partition));
    });
    positions.forEach(({ partition, offset }, index) => {
      expect([partition, offset]).toEqual([index % 4, Math.floor(index / 4)]);
    });
    expect(producer.gauges()).toMatchObject({
      queuedRecords: 0,
      queuedBytes: 0,
      inFlightRecords: 0,
      sentRecords: 20_000,
    });
  });

  it('writes records of several topics, without key, without value and with a header without value', async () => {
    const [one, two] = [await broker.topic(1), await broker.topic(1)];
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    const headers = { text: 'ü', bytes: Buffer.from([0, 255]), none: null, many: ['a', Buffer.from('b')] };
    await producer.sendMany([
      { topic: one, partition: 0, key: null, value: 'v', headers },
      { topic: two, partition: 0, key: 'k', value: null },
    ]);

    const [record] = (await broker.readAll(one)).flat();
    expect(record).toMatchObject({ key: null, value: Buffer.from('v') });
    // Text where it is ASCII, bytes where it is not.
    expect(record?.headers).toEqual({
      text: Buffer.from('ü'),
      bytes: Buffer.from([0, 255]),
      none: '',
      many: ['a', 'b'],
    });
    expect((await broker.readAll(two)).flat()).toMatchObject([{ key: Buffer.from('k'), value: null }]);
  });

  it('refuses only the record that is too large, and writes its neighbours once', async () => {
    const topic = await broker.topic(2, { maxMessageBytes: 100_000 });
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    const sends = numbers(101).map((value) =>
      producer.send({ topic, partition: value % 2, key: null, value: value === 50 ? 'x'.repeat(300_000) : `${value}` }),
    );

    const results = await Promise.allSettled(sends);

    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    expect(refused).toHaveLength(1);
    expect(refused[0]).toBeInstanceOf(RecordTooLarge);
    const read = await broker.readAll(topic);
    expect(read.map((records) => records.map(numberOf))).toEqual([
      numbers(101).filter((value) => value % 2 === 0 && value !== 50),
      numbers(101).filter((value) => value % 2 === 1),
    ]);
  });

  it('sends in parts what is together larger than the topic takes, each record once', async () => {
    const topic = await broker.topic(1, { maxMessageBytes: 50_000 });
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    await producer.sendMany(
      numbers(40).map((value) => ({ topic, partition: 0, key: null, value: String(value).padEnd(20_000) })),
    );
    expect((await broker.readAll(topic)).flat().map(numberOf)).toEqual(numbers(40));
  });

  it('refuses what its queue cannot hold at once, and keeps what it has', async () => {
    const topic = await broker.topic(1);
    const producer = broker.closing(new BatchingProducer({ client: broker.client, maxQueuedRecords: 10 }));
    const accepted = writeNumbers(producer, topic, 0, 8);
    await expect(writeNumbers(producer, topic, 0, 3, 100)).rejects.toThrow(ProducerOverloaded);
    await accepted;
    expect((await broker.readAll(topic)).flat().map(numberOf)).toEqual(numbers(8));

    const narrow = broker.closing(new BatchingProducer({ client: broker.client, maxQueuedBytes: 1000 }));
    await expect(narrow.send({ topic, partition: 0, key: null, value: 'x'.repeat(1000) })).rejects.toThrow(
      ProducerOverloaded,
    );
  });

  it('refuses a partition that the topic has not, where kafkajs would report success', async () => {
    const topic = await broker.topic(1);
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    const [good, bad] = await Promise.allSettled([
      producer.send({ topic, partition: 0, key: null, value: '1' }),
      producer.send({ topic, partition: 7, key: null, value: '2' }),
    ]);
    expect(good.status).toBe('fulfilled');
    expect(bad).toMatchObject({ status: 'rejected', reason: expect.any(UnknownPartition) });
  });

  it('settles everything before it closes, and takes nothing after', async () => {
    const topic = await broker.topic(1);
    const producer = new BatchingProducer({ client: broker.client });
    const sent = writeNumbers(producer, topic, 0, 3000);
    await producer.close();
    expect(await sent).toHaveLength(3000);
    await expect(producer.send({ topic, partition: 0, key: null, value: '' })).rejects.toThrow(ProducerClosed);
  });

  it("puts keys where kafkajs's own producer puts them", async () => {
    const [ours, theirs] = [await broker.topic(5), await broker.topic(5)];
    const keys = numbers(200).map((value) => `tenant/${value.toString(16)}`);
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    await producer.sendMany(keys.map((key) => ({ topic: ours, partition: partitionFor(key, 5), key, value: key })));
    const plain = broker.client.kafka.producer();
    await plain.connect();
    await plain.send({ topic: theirs, messages: keys.map((key) => ({ key, value: key })) });
    await plain.disconnect();

    const keysOf = async (topic: string) =>
      (await broker.readAll(topic)).map((records) => records.map(({ key }) => key?.toString()));
    expect(await keysOf(ours)).toEqual(await keysOf(theirs));
  });
});
