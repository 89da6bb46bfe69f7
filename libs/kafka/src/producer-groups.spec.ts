import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { BatchingProducer } from './batching-producer.js';
import { KafkaUnavailable, RecordTooLarge } from './errors.js';
import { type CuttableBroker, numberOf, numbers, TestBroker, until, writeNumbers } from './real-kafka.fixture.js';

jest.setTimeout(60_000);

const broker = new TestBroker(process.env['KAFKA_BROKERS']);
let proxy: CuttableBroker;
beforeEach(async () => {
  proxy = await broker.cuttable();
});
afterEach(async () => {
  await broker.closeParts();
  await proxy.close();
});
afterAll(() => broker.remove());

/** Connected, so that the next send is lost if the broker is cut off now; long enough to be sent again after it. */
async function connectedProducer(topic: string): Promise<BatchingProducer> {
  const options = { client: proxy.client, maxBatchRecords: 10, sendTimeoutMs: 8000, reconnectMaxMs: 200 };
  const producer = broker.closing(new BatchingProducer(options));
  await producer.send({ topic, partition: 0, key: null, value: '-1' });
  return producer;
}

describe('Records that are given together', () => {
  it('are not written after the send that took the first of them was lost, on any partition', async () => {
    const topic = await broker.topic(2);
    const producer = await connectedProducer(topic);
    proxy.cut();
    const records = numbers(25).map((value) => ({ topic, partition: value % 2, key: null, value: String(value) }));
    const refused = expect(producer.sendMany(records)).rejects.toMatchObject({
      name: KafkaUnavailable.name,
      mayBeWritten: true,
    });
    const other = writeNumbers(producer, topic, 0, 1, 100);
    await until(() => producer.gauges().failedSends > 0);
    proxy.mend();

    await refused;
    expect(await other).toHaveLength(1);
    expect(producer.gauges()).toMatchObject({ queuedRecords: 0, queuedBytes: 0 });
    expect((await broker.readAll(topic)).map((read) => read.map(numberOf))).toEqual([[-1, 100], []]);
  });

  it('leave in one send where it holds them: what was lost before does not take half of them', async () => {
    const topic = await broker.topic(1);
    const producer = await connectedProducer(topic);
    proxy.cut();
    const [first, second] = [writeNumbers(producer, topic, 0, 7), writeNumbers(producer, topic, 0, 7, 7)];
    const refused = expect(first).rejects.toThrow(KafkaUnavailable);
    await until(() => producer.gauges().failedSends > 0);
    proxy.mend();

    await refused;
    expect(await second).toHaveLength(7);
    expect((await broker.readAll(topic)).flat().map(numberOf)).toEqual([-1, ...numbers(7, 7)]);
  });

  it('are not written after one of them that is too large, and those of others are', async () => {
    const topic = await broker.topic(1, { maxMessageBytes: 100_000 });
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    const values = ['1', 'x'.repeat(300_000), '3', '4'];
    const refused = expect(
      producer.sendMany(values.map((value) => ({ topic, partition: 0, key: null, value }))),
    ).rejects.toThrow(RecordTooLarge);

    expect(await writeNumbers(producer, topic, 0, 2, 5)).toHaveLength(2);
    await refused;
    expect((await broker.readAll(topic)).flat().map(numberOf)).toEqual([1, 5, 6]);
  });
});
