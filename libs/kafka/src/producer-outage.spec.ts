import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { BatchingProducer } from './batching-producer.js';
import { KafkaUnavailable } from './errors.js';
import { type CuttableBroker, numberOf, sleep, TestBroker, until } from './real-kafka.fixture.js';
import type { RecordPosition } from './records.js';

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

async function outcomeOf(sending: Promise<RecordPosition>): Promise<{ error: unknown; tookMs: number }> {
  const begun = Date.now();
  const error = await sending.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { error, tookMs: Date.now() - begun };
}

describe('BatchingProducer without its broker', () => {
  it.each(['cut', 'freeze'] as const)('rejects within its bound after a %s, and recovers', async (fault) => {
    const topic = await broker.topic(1);
    const producer = broker.closing(new BatchingProducer({ client: proxy.client, sendTimeoutMs: 1500 }));
    const record = { topic, partition: 0, key: null };
    await producer.send({ ...record, value: '1' });

    proxy[fault]();
    const first = outcomeOf(producer.send({ ...record, value: '2' }));
    await sleep(200);
    const second = outcomeOf(producer.send({ ...record, value: '3' }));
    for (const { error, tookMs } of [await first, await second]) {
      expect(error).toBeInstanceOf(KafkaUnavailable);
      // Its own bound, 1.5 s, on a machine that has much else to do; kafkajs alone would wait for 15 s.
      expect(tookMs).toBeLessThan(5000);
    }
    expect(producer.gauges()).toMatchObject({ queuedRecords: 0, queuedBytes: 0 });

    proxy.mend();
    const deadline = Date.now() + 15_000;
    while ((await outcomeOf(producer.send({ ...record, value: '4' }))).error && Date.now() < deadline);
    await expect(producer.send({ ...record, value: '5' })).resolves.toMatchObject({ partition: 0 });
  });

  it('loses nothing that it acknowledged, over several cuts under load', async () => {
    const topic = await broker.topic(2);
    const producer = broker.closing(new BatchingProducer({ client: proxy.client, sendTimeoutMs: 2000 }));
    const acknowledged = new Map<number, RecordPosition>();
    let next = 0;
    let running = true;
    const writer = async (): Promise<void> => {
      while (running) {
        const value = next++;
        const record = { topic, partition: value % 2, key: null, value: String(value) };
        await producer.send(record).then(
          (position) => acknowledged.set(value, position),
          () => sleep(10),
        );
      }
    };
    const writers = Array.from({ length: 50 }, writer);
    for (let cut = 0; cut < 3; cut++) {
      const before = acknowledged.size;
      await until(() => acknowledged.size > before + 500);
      proxy.cut();
      await sleep(cut * 500);
      proxy.mend();
    }
    const before = acknowledged.size;
    await until(() => acknowledged.size > before + 500);
    running = false;
    await Promise.all(writers);

    const read = await broker.readAll(topic);
    for (const [value, { partition, offset }] of acknowledged) {
      const record = read[partition]?.[offset ?? -1];
      expect(record && numberOf(record)).toBe(value);
    }
  });

  it('closes within its bound while the broker is away', async () => {
    const topic = await broker.topic(1);
    const producer = new BatchingProducer({ client: proxy.client, sendTimeoutMs: 1000 });
    proxy.cut();
    const sending = outcomeOf(producer.send({ topic, partition: 0, key: null, value: '1' }));
    const begun = Date.now();
    await producer.close();
    expect(Date.now() - begun).toBeLessThan(4000);
    expect((await sending).error).toMatchObject({ name: 'KafkaUnavailable', mayBeWritten: false });
  });
});
