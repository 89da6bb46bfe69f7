import { describe, expect, it } from '@jest/globals';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { BATCH_RECORDS_MAX } from '@runspine/contracts';
import { registerCodecs } from './compression.js';

// Real: kafkajs's reading of what a broker answers, with ours in its place. Not real: the broker.
registerCodecs();
const require = createRequire(import.meta.url);
const Decoder = require('kafkajs/src/protocol/decoder') as new (buffer: Buffer) => object;
const decodeMessages = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages') as (
  decoder: object,
) => Promise<{ offset: string; unread?: string }[]>;

const FIRST = 1000;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value * 2;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) | 0x80);
  return [...bytes, left];
}

/** A gzipped batch (KIP-98) of records without key, value and headers. */
function batchOf(count: number, firstOffset: number): Buffer {
  const bytes: number[] = [];
  for (let delta = 0; delta < count; delta += 1) {
    const body = [0, 0, ...varint(delta), 1, 0, 0];
    bytes.push(body.length * 2, ...body);
  }
  const records = gzipSync(Buffer.from(bytes));
  const header = Buffer.alloc(61);
  header.writeBigInt64BE(BigInt(firstOffset), 0);
  header.writeInt32BE(header.length - 12 + records.length, 8);
  header.writeInt8(2, 16);
  header.writeInt16BE(1, 21);
  header.writeInt32BE(count - 1, 23);
  header.writeBigInt64BE(-1n, 43);
  header.writeInt32BE(count, 57);
  return Buffer.concat([header, records]);
}

async function read(...counts: number[]) {
  let first = FIRST;
  const batches = counts.map((count) => batchOf(count, (first += count) - count));
  const fetched = Buffer.concat(batches);
  const size = Buffer.alloc(4);
  size.writeInt32BE(fetched.length);
  return decodeMessages(new Decoder(Buffer.concat([size, fetched])));
}

describe('a batch of many records', () => {
  it('is read whole up to the bound', async () => {
    const records = await read(BATCH_RECORDS_MAX, 2);

    expect(records).toHaveLength(BATCH_RECORDS_MAX + 2);
    expect(records.at(-1)).toMatchObject({ offset: String(FIRST + BATCH_RECORDS_MAX + 1) });
    expect(records.some(({ unread }) => unread !== undefined)).toBe(false);
  });

  it.each([BATCH_RECORDS_MAX + 1, 300_000])('is one record that names them where it has %i', async (count) => {
    const records = await read(1, count, 1);
    const last = FIRST + count;

    expect(records.map(({ offset }) => Number(offset))).toEqual([FIRST, last, last + 1]);
    expect(records.map(({ unread }) => unread)).toEqual([
      undefined,
      `of offsets ${FIRST + 1} to ${last}: their batch must be at most ${BATCH_RECORDS_MAX} records`,
      undefined,
    ]);
  });
});
