import { describe, expect, it } from '@jest/globals';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { type BatchContext, recordDecoding, type RecordDecoder } from './record-decoding.js';

const require = createRequire(import.meta.url);
interface Decoding {
  (decoder: RecordDecoder, context?: BatchContext): Record<string, unknown>;
}
const Decoder = require('kafkajs/src/protocol/decoder') as new (buffer: Buffer) => RecordDecoder;
const theirs = require('kafkajs/src/protocol/recordBatch/record/v0/decoder') as Decoding;
const encode = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: unknown) => { buffer: Buffer };
const ours = recordDecoding();

const text = fc.string({ unit: 'binary', maxLength: 300 });
const bytes = fc.oneof(
  text,
  fc.constantFrom('application/json', 'default', 'a', ''),
  fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
);
const name = fc.oneof(fc.constantFrom('ce_id', 'ce_type', 'ce_time', 'é', ''), text).filter((one) => !(one in {}));
const record = fc.record({
  offsetDelta: fc.nat(),
  timestampDelta: fc.integer({ min: -1000, max: 1e12 }),
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.dictionary(name, fc.oneof(bytes, fc.array(bytes, { maxLength: 3 })), { maxKeys: 16 }),
});

/** A record's bytes without the length before them, which kafkajs takes off. */
function bytesOf(one: unknown): Buffer {
  const { buffer } = encode(one);
  let at = 0;
  while (buffer[at]! >= 0x80) at += 1;
  return buffer.subarray(at + 1);
}

/** Headers as bytes, however they were read. */
function raw(decoded: Record<string, unknown>): unknown {
  const hex = (value: unknown): unknown =>
    Array.isArray(value) ? value.map(hex) : value === null ? null : Buffer.from(value as string).toString('hex');
  const headers = Object.entries(decoded.headers as object).map(([key, value]) => [key, hex(value)]);
  const { magicByte, attributes, timestamp, offset, key: recordKey, value, isControlRecord, batchContext } = decoded;
  return { magicByte, attributes, timestamp, offset, recordKey, value, isControlRecord, batchContext, headers };
}

describe('the decoding of records', () => {
  it('reads what kafkajs reads', () => {
    const context = { firstOffset: '123456789012', firstTimestamp: '1764000000000', magicByte: 2, timestampType: 0 };
    fc.assert(
      fc.property(record, (one) => {
        const buffer = bytesOf(one);
        expect(raw(ours(new Decoder(buffer), context) as never)).toEqual(raw(theirs(new Decoder(buffer), context)));
      }),
      { numRuns: 300 },
    );
  });

  it('takes the time of appending where the topic says so', () => {
    const context = { firstTimestamp: '1', maxTimestamp: '99', timestampType: 1 };
    expect(ours(new Decoder(bytesOf({ timestampDelta: 5 })), context).timestamp).toBe('99');
  });

  it('hands a header on as bytes where it is not ASCII, and keeps every one of several under a name', () => {
    const headers = { one: 'plain', other: Buffer.from([0xc3, 0x28]), more: ['a', 'b'] };
    expect(ours(new Decoder(bytesOf({ headers }))).headers).toEqual(headers);
  });

  it('takes names of what every object has for names like others', () => {
    for (const header of ['constructor', '__proto__', 'toString']) {
      const headers = Object.defineProperty({}, header, { value: 'x', enumerable: true });
      const read = ours(new Decoder(bytesOf({ headers }))).headers;
      expect(Object.getOwnPropertyDescriptor(read, header)?.value).toBe('x');
    }
  });

  it('never mixes up texts of records that follow one another', () => {
    const values = ['aaaa', 'aaab', 'baab', 'aaaa', 'é', 'aaaa', 'x'.repeat(200), 'aaaa'];
    for (const value of values) {
      expect(String(ours(new Decoder(bytesOf({ headers: { name: value } }))).headers.name)).toBe(value);
    }
  });

  it('refuses a record that is cut off at any byte', () => {
    const whole = bytesOf({ key: 'k', value: 'value', headers: { name: 'text' } });
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => ours(new Decoder(whole.subarray(0, length)))).toThrow(RangeError);
    }
  });
});
