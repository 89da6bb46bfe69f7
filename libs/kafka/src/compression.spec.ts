import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { BatchingProducer } from './batching-producer.js';
import { decompressLz4 } from './lz4.js';
import { TestBroker } from './real-kafka.fixture.js';
import { decompressSnappy } from './snappy.js';
import { UnpackedTooLarge } from './unpacking.js';

jest.setTimeout(60_000);

const broker = new TestBroker(process.env['KAFKA_BROKERS']);
afterEach(() => broker.closeParts());
afterAll(() => broker.remove());

/** Compressible and not, short and longer than the windows and blocks of any codec. */
const VALUES = [
  '',
  'a',
  'abc'.repeat(50_000),
  randomBytes(90_000).toString('base64'),
  JSON.stringify(Array.from({ length: 3000 }, (_, id) => ({ id, name: `step-${id % 17}` }))),
];

describe('compression', () => {
  // With compression.type the broker itself compresses what arrives, by the libraries that Java's producers use.
  it.each(['gzip', 'zstd', 'snappy', 'lz4'])('reads what is compressed with %s', async (codec) => {
    const topic = broker.name();
    const configEntries = [{ name: 'compression.type', value: codec }];
    await broker.client.withAdmin((admin) => admin.createTopics({ topics: [{ topic, configEntries }] }));
    const producer = broker.closing(new BatchingProducer({ client: broker.client }));
    await producer.sendMany(VALUES.map((value) => ({ topic, partition: 0, key: 'k', value })));
    const read = (await broker.readAll(topic)).flat().map(({ value }) => value?.toString());
    expect(read).toEqual(VALUES);
  });

  it.each(['gzip', 'zstd'] as const)('writes %s', async (compression) => {
    const topic = await broker.topic(1);
    const producer = broker.closing(new BatchingProducer({ client: broker.client, compression }));
    await producer.sendMany(VALUES.map((value) => ({ topic, partition: 0, key: 'k', value })));
    const read = (await broker.readAll(topic)).flat().map(({ value }) => value?.toString());
    expect(read).toEqual(VALUES);
  });

  it('reads bare snappy, as librdkafka writes it', () => {
    // Length 9, a literal of 3, a copy of 6 from 3 back.
    expect(decompressSnappy(Buffer.from([9, 2 << 2, 97, 98, 99, (2 << 2) | 1, 3])).toString()).toBe('abcabcabc');
  });

  it.each([
    ['snappy', () => decompressSnappy(Buffer.from([9, 2 << 2, 97, 98, 99, (2 << 2) | 1, 4]))],
    ['snappy', () => decompressSnappy(Buffer.from([200, 1, 2 << 2, 97]))],
    ['lz4', () => decompressLz4(Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]))],
    ['lz4', () => decompressLz4(Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 200, 0, 0, 0, 1]))],
  ])('throws on corrupt %s', (_codec, decompress) => {
    expect(decompress).toThrow();
  });

  it('unpacks no more than is bearable, whatever a few bytes claim', () => {
    // A length of 2^27, and nothing else.
    expect(() => decompressSnappy(Buffer.from([0x80, 0x80, 0x80, 0x40]))).toThrow(UnpackedTooLarge);
    // A literal, then a copy of it of 128 MiB: each 255 is that many more.
    const block = Buffer.concat([Buffer.from([0x1f, 97, 1, 0]), Buffer.alloc(2 ** 19, 255), Buffer.from([0])]);
    const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, 0, 0, 0, 0]);
    header.writeUInt32LE(block.length, 7);
    expect(() => decompressLz4(Buffer.concat([header, block]))).toThrow(UnpackedTooLarge);
  });
});
