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

const SEND_TIMEOUT_MS = 1500;

async function errorOf(sending: Promise<RecordPosition>): Promise<unknown> {
  return sending.then(
    () => undefined,
    (reason: unknown) => reason,
  );
}

/** A broker that was just started, or just reached again, may take longer than the bound for its first record. */
async function untilTaken(send: () => Promise<RecordPosition>): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (await errorOf(send())) {
    if (Date.now() > deadline) throw new Error('no record was taken within 15 s');
  }
}

/** How long after a timer of the same bound it was refused: a machine that stands still holds both. */
async function refusalOf(sending: Promise<RecordPosition>): Promise<{ error: unknown; lateMs: number }> {
  const dueAt = sleep(SEND_TIMEOUT_MS).then(() => Date.now());
  const error = await errorOf(sending);
  const settledAt = Date.now();
  return { error, lateMs: settledAt - (await dueAt) };
}

describe('BatchingProducer without its broker', () => {
  it.each(['cut', 'freeze'] as const)('rejects within its bound after a %s, and recovers', async (fault) => {
    const topic = await broker.topic(1);
    const producer = broker.closing(new BatchingProducer({ client: proxy.client, sendTimeoutMs: SEND_TIMEOUT_MS }));
    const record = { topic, partition: 0, key: null };
    await untilTaken(() => producer.send({ ...record, value: '1' }));

    proxy[fault]();
    const first = refusalOf(producer.send({ ...record, value: '2' }));
    await sleep(200);
    const second = refusalOf(producer.send({ ...record, value: '3' }));
    for (const { error, lateMs } of [await first, await second]) {
      expect(error).toBeInstanceOf(KafkaUnavailable);
      expect(lateMs).toBeLessThan(400);
    }
    expect(producer.gauges()).toMatchObject({ queuedRecords: 0, queuedBytes: 0 });

    proxy.mend();
    await untilTaken(() => producer.send({ ...record, value: '4' }));
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
    const sending = errorOf(producer.send({ topic, partition: 0, key: null, value: '1' }));
    const begun = Date.now();
    await producer.close();
    expect(Date.now() - begun).toBeLessThan(4000);
    expect(await sending).toMatchObject({ name: 'KafkaUnavailable', mayBeWritten: false });
  });
});
