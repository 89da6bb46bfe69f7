import { describe, expect, it } from '@jest/globals';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { type EncodableRecord, recordEncoding, type RecordEncoder } from './record-encoding.js';

const require = createRequire(import.meta.url);
const Encoder = require('kafkajs/src/protocol/encoder') as new (bytes: number) => RecordEncoder & { buffer: Buffer };
const theirs = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: EncodableRecord) => { buffer: Buffer };
const ours = recordEncoding(Encoder) as (record: EncodableRecord) => RecordEncoder & { buffer: Buffer };

const text = fc.string({ unit: 'binary', maxLength: 300 });
const bytes = fc.oneof(
  text,
  fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
);
const record = fc.record({
  offsetDelta: fc.nat(),
  timestampDelta: fc.integer({ min: -1000, max: 1e12 }),
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.dictionary(text, fc.oneof(bytes, fc.array(bytes, { maxLength: 3 })), { maxKeys: 16 }),
});

describe('the encoding of records', () => {
  it('gives the bytes that kafkajs gives', () => {
    fc.assert(
      fc.property(record, (one) => {
        expect(ours(one).buffer.toString('hex')).toBe(theirs(one).buffer.toString('hex'));
      }),
    );
  });

  it.each([0, 1, 63, 64, 8191, 8192, 1_048_575, 1_048_576])('knows a value of %d bytes', (length) => {
    const one = { value: Buffer.alloc(length, 'x'), headers: {} };
    expect(ours(one).buffer.equals(theirs(one).buffer)).toBe(true);
  });
});
