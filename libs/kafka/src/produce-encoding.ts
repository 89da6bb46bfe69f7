import { crc32c } from './crc32c.js';
import { RequestWriter } from './request-writer.js';

type Bytes = Buffer | string | null | undefined;

/** What kafkajs hands on of a message. */
export interface ProducedMessage {
  key?: Bytes;
  value?: Bytes;
  headers?: Record<string, Bytes | Bytes[]> | undefined;
  /** Unix milliseconds. */
  timestamp?: string | number | null;
}

/** What kafkajs makes a produce request of. Ids of producers are 64-bit integers, decimal. */
export interface ProduceInput {
  acks: number;
  timeout: number;
  transactionalId?: string | null;
  producerId?: { toString(): string } | number | string;
  producerEpoch?: number;
  compression?: number;
  topicData: {
    topic: string;
    partitions: { partition: number; firstSequence?: number; messages: ProducedMessage[] }[];
  }[];
}

/** A kafkajs `Encoder`, as far as a request is read from it. */
export interface Encoded {
  buf: Buffer;
  offset: number;
  buffer: Buffer;
  size(): number;
}

export interface KafkajsRequest {
  apiKey: number;
  apiVersion: number;
  encode: () => Promise<Encoded>;
}

const MAGIC = 2;
const TRANSACTIONAL = 16;
const UNCOMPRESSED = 0;

/**
 * The produce request (version 3 and later) and its record batches (KIP-98), written once into one buffer. kafkajs's own
 * makes a buffer for each header and length, and copies the whole four times on its way out, which was a fifth of a
 * gateway's work. What is compressed it encodes as ever.
 * @param theirs kafkajs's function, which knows the request's name and number.
 */
export function produceEncoding(theirs: (input: ProduceInput) => KafkajsRequest) {
  const writer = new RequestWriter();
  return (input: ProduceInput): KafkajsRequest => {
    const request = theirs(input);
    if ((input.compression ?? UNCOMPRESSED) !== UNCOMPRESSED) return request;
    return { ...request, encode: () => Promise.resolve(encodedOf(writeProduce(writer, input))) };
  };
}

/** Any request with the header that goes before it, in one buffer, where kafkajs copies it twice. */
export async function encodeRequest(options: {
  correlationId: number;
  clientId: string;
  request: KafkajsRequest;
}): Promise<Encoded> {
  const { correlationId, clientId, request } = options;
  const { buffer: payload } = await request.encode();
  const client = Buffer.byteLength(clientId);
  const header = 14 + client;
  const bytes = Buffer.allocUnsafeSlow(header + payload.length);
  bytes.writeInt32BE(bytes.length - 4, 0);
  bytes.writeInt16BE(request.apiKey, 4);
  bytes.writeInt16BE(request.apiVersion, 6);
  bytes.writeInt32BE(correlationId, 8);
  bytes.writeInt16BE(client, 12);
  bytes.write(clientId, 14, 'utf8');
  payload.copy(bytes, header);
  return encodedOf(bytes);
}

function encodedOf(bytes: Buffer): Encoded {
  return { buf: bytes, offset: bytes.length, buffer: bytes, size: () => bytes.length };
}

function writeProduce(writer: RequestWriter, input: ProduceInput): Buffer {
  writer.at = 0;
  writer.string(input.transactionalId ?? null);
  writer.int16(input.acks);
  writer.int32(input.timeout);
  writer.int32(input.topicData.length);
  for (const { topic, partitions } of input.topicData) {
    writer.string(topic);
    writer.int32(partitions.length);
    for (const { partition, firstSequence, messages } of partitions) {
      writer.int32(partition);
      const sizeAt = writer.at;
      writer.int32(0);
      writeBatch(writer, input, firstSequence ?? 0, messages);
      writer.buffer.writeInt32BE(writer.at - sizeAt - 4, sizeAt);
    }
  }
  return writer.take();
}

function writeBatch(writer: RequestWriter, input: ProduceInput, firstSequence: number, messages: ProducedMessage[]) {
  const nowMs = Date.now();
  let firstMs = Infinity;
  let lastMs = -Infinity;
  for (const { timestamp } of messages) {
    const timeMs = timestamp === null || timestamp === undefined ? nowMs : Number(timestamp);
    firstMs = Math.min(firstMs, timeMs);
    lastMs = Math.max(lastMs, timeMs);
  }
  writer.int64(0n);
  const lengthAt = writer.at;
  writer.int32(0);
  writer.int32(0);
  writer.int8(MAGIC);
  const crcAt = writer.at;
  writer.int32(0);
  writer.int16(input.transactionalId ? TRANSACTIONAL : 0);
  writer.int32(messages.length - 1);
  writer.int64(BigInt(firstMs));
  writer.int64(BigInt(lastMs));
  writer.int64(BigInt((input.producerId ?? -1).toString()));
  writer.int16(input.producerEpoch ?? 0);
  writer.int32(firstSequence);
  writer.int32(messages.length);
  for (let index = 0; index < messages.length; index += 1) {
    const message = messages[index]!;
    const timeMs = message.timestamp === null || message.timestamp === undefined ? nowMs : Number(message.timestamp);
    writer.sized(() => writeRecord(writer, message, timeMs - firstMs, index));
  }
  writer.buffer.writeInt32BE(writer.at - lengthAt - 4, lengthAt);
  writer.buffer.writeUInt32BE(crc32c(writer.buffer, crcAt + 4, writer.at), crcAt);
}

function writeRecord(writer: RequestWriter, message: ProducedMessage, timestampDelta: number, offsetDelta: number) {
  writer.int8(0);
  writer.varLong(timestampDelta);
  writer.varInt(offsetDelta);
  writer.varBytes(message.key);
  writer.varBytes(message.value);
  const { headers } = message;
  let count = 0;
  for (const name in headers) {
    const value = headers[name];
    count += Array.isArray(value) ? value.length : 1;
  }
  writer.varInt(count);
  for (const name in headers) {
    const value = headers[name];
    if (!Array.isArray(value)) writeHeader(writer, name, value);
    else for (const one of value) writeHeader(writer, name, one);
  }
}

function writeHeader(writer: RequestWriter, name: string, value: Bytes): void {
  writer.varBytes(name);
  writer.varBytes(value);
}
