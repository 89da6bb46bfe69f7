import { createRequire } from 'node:module';
import type * as Kafkajs from 'kafkajs';
import { encodeRequest, produceEncoding } from './produce-encoding.js';
import { recordDecoding } from './record-decoding.js';
import { batchDecoding } from './unpacking.js';

const require = createRequire(import.meta.url);

/**
 * What of kafkajs 2.2.4 is ours: the bytes of a produce request, the header before any request, the reading of a record,
 * and what becomes of a batch that is too large. The protocol is the same, byte for byte, as their tests show.
 */
const REPLACED: Record<string, (theirs: never) => unknown> = {
  'kafkajs/src/protocol/requests/produce/v3/request': produceEncoding,
  'kafkajs/src/protocol/request': () => encodeRequest,
  'kafkajs/src/protocol/recordBatch/record/v0/decoder': recordDecoding,
  // After that of records, which it loads.
  'kafkajs/src/protocol/recordBatch/v0/decoder': batchDecoding,
};

/**
 * kafkajs, with those replaced: the one door to it in this library. The replacements have to be there before kafkajs
 * loads what uses them, so kafkajs is loaded here, after them. Where modules cannot be replaced (under a test runner with
 * a module registry of its own) kafkajs does it all as ever.
 */
const kafkajs = loadKafkajs();

export const { Kafka, logLevel, CompressionTypes, CompressionCodecs, ConfigResourceTypes } = kafkajs;

function loadKafkajs(): typeof Kafkajs {
  for (const [path, made] of Object.entries(REPLACED)) {
    const theirs = require(path) as never;
    const loaded = require.cache?.[require.resolve(path)];
    if (loaded) loaded.exports = made(theirs);
  }
  return require('kafkajs') as typeof Kafkajs;
}
