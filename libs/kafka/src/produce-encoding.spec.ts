import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { encodeRequest, type KafkajsRequest, produceEncoding, type ProduceInput } from './produce-encoding.js';

const require = createRequire(import.meta.url);
type Produce = (input: ProduceInput) => KafkajsRequest;
const theirs = require('kafkajs/src/protocol/requests/produce/v3/request') as Produce;
const theirRequest = require('kafkajs/src/protocol/request') as typeof encodeRequest;
const ours = produceEncoding(theirs);

const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ unit: 'grapheme', maxLength: 50 }));
const bytes = fc.oneof(
  text,
  fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
);
const plain = {
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.dictionary(text, fc.oneof(bytes, fc.array(bytes, { maxLength: 3 })), { maxKeys: 16 }),
};
const timestamp = fc.integer({ min: 1_700_000_000_000, max: 1_800_000_000_000 }).map(String);
// Where some have a time and others not, kafkajs forgets the others in the batch's last time.
const messages = fc.oneof(
  fc.array(fc.record(plain, { requiredKeys: ['value'] }), { minLength: 1, maxLength: 5 }),
  fc.array(fc.record({ ...plain, timestamp }), { minLength: 1, maxLength: 5 }),
);
const input = fc.record({
  acks: fc.constantFrom(-1, 0, 1),
  timeout: fc.nat(),
  producerId: fc.nat().map(String),
  producerEpoch: fc.nat(100),
  topicData: fc.array(
    fc.record({
      topic: fc.string({ minLength: 1, maxLength: 40 }),
      partitions: fc.array(
        fc.record({
          partition: fc.nat(100),
          firstSequence: fc.nat(),
          messages,
        }),
        { maxLength: 3 },
      ),
    }),
    { maxLength: 3 },
  ),
});

describe('the encoding of a produce request', () => {
  // Messages without a time take the clock's.
  beforeAll(() => {
    jest.spyOn(Date, 'now').mockReturnValue(1_764_000_000_000);
  });
  afterAll(() => {
    jest.restoreAllMocks();
  });

  it('gives the bytes that kafkajs gives', async () => {
    await fc.assert(
      fc.asyncProperty(input, async (one) => {
        const [mine, its] = [await ours(one).encode(), await theirs(one).encode()];
        expect(mine.buffer.toString('hex')).toBe(its.buffer.toString('hex'));
      }),
      { numRuns: 300 },
    );
  });

  it.each([0, 1, 50, 63, 64, 8100, 8191, 8192, 70_000, 1_048_575, 5_000_000])('knows %d bytes', async (length) => {
    for (const value of ['x'.repeat(length), 'é'.repeat(length), Buffer.alloc(length, 'x')]) {
      const messages = [{ value }, { value: 'after', headers: { name: 'é' } }];
      const one = { acks: -1, timeout: 1, topicData: [{ topic: 't', partitions: [{ partition: 0, messages }] }] };
      const [mine, its] = [await ours(one).encode(), await theirs(one).encode()];
      expect(mine.buffer.equals(its.buffer)).toBe(true);
    }
  });

  it('leaves compressed batches to kafkajs', async () => {
    const messages = [{ value: 'x'.repeat(1000) }];
    const one = {
      ...{ acks: -1, timeout: 1, compression: 1 },
      topicData: [{ topic: 't', partitions: [{ partition: 0, messages }] }],
    };
    expect((await ours(one).encode()).size()).toBeLessThan(500);
  });

  it('puts the header before any request as kafkajs does', async () => {
    const messages = [{ value: 'x' }];
    const one = { acks: -1, timeout: 1, topicData: [{ topic: 't', partitions: [{ partition: 0, messages }] }] };
    const options = { correlationId: 7, clientId: 'gateway-é', request: theirs(one) };
    const [mine, its] = [await encodeRequest(options), await theirRequest(options)];
    expect(mine.buffer.toString('hex')).toBe(its.buffer.toString('hex'));
  });
});
