import { createRequire } from 'node:module';
import type * as Kafkajs from 'kafkajs';
import { recordEncoding, type RecordEncoder } from './record-encoding.js';

/** The modules of kafkajs 2.2.4 that a record's encoding is taken from, and put into. */
const ENCODER = 'kafkajs/src/protocol/encoder';
const RECORD = 'kafkajs/src/protocol/recordBatch/record/v0';

const require = createRequire(import.meta.url);

/**
 * kafkajs, with our encoding of records in the place of its own: the one door to it in this library. The replacement has
 * to be there before kafkajs loads what uses it, so kafkajs is loaded here, after it. Where modules cannot be replaced
 * (under a test runner with a module registry of its own) kafkajs encodes as ever.
 */
const kafkajs = loadKafkajs();

export const { Kafka, logLevel, CompressionTypes, CompressionCodecs, ConfigResourceTypes } = kafkajs;

function loadKafkajs(): typeof Kafkajs {
  require(RECORD);
  const record = require.cache?.[require.resolve(RECORD)];
  if (record) record.exports = recordEncoding(require(ENCODER) as new (bytes: number) => RecordEncoder);
  return require('kafkajs') as typeof Kafkajs;
}
