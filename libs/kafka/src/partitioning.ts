const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/**
 * murmur2 as `org.apache.kafka.common.utils.Utils.murmur2` has it, as a signed 32-bit integer. Ported from Apache Kafka
 * (Apache License 2.0); kafkajs has its own on emulated 64-bit integers, which is some 20 times slower.
 */
export function murmur2(key: string | Uint8Array): number {
  const data = bytesOf(key);
  const length = data.length;
  const tail = length & ~3;
  let h = SEED ^ length;
  for (let i = 0; i < tail; i += 4) {
    let k = Math.imul(data.readInt32LE(i), M);
    k = Math.imul(k ^ (k >>> 24), M);
    h = Math.imul(h, M) ^ k;
  }
  const rest = length - tail;
  if (rest > 0) {
    if (rest === 3) h ^= data.readUInt8(tail + 2) << 16;
    if (rest >= 2) h ^= data.readUInt8(tail + 1) << 8;
    h = Math.imul(h ^ data.readUInt8(tail), M);
  }
  h = Math.imul(h ^ (h >>> 13), M);
  return h ^ (h >>> 15);
}

function bytesOf(key: string | Uint8Array): Buffer {
  if (Buffer.isBuffer(key)) return key;
  return typeof key === 'string' ? Buffer.from(key, 'utf8') : Buffer.from(key.buffer, key.byteOffset, key.length);
}

/**
 * The partition of a key among `partitions`, as the default partitioners of Java and kafkajs choose it
 * (librdkafka: `partitioner=murmur2_random`).
 */
export function partitionFor(key: string | Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}
