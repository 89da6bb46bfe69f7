import { randomUUID } from 'node:crypto';
import Fastify from 'fastify';
import type { Kafka } from 'kafkajs';
import pg from 'pg';
import { eventMessage } from './event-message.ts';
import { BODY_SCHEMA, PARTITIONS } from './fastify-kafka.ts';
import { MicroBatcher } from './micro-batcher.ts';

/**
 * The limit of writes that wait for their outcome, the half that callers see: bare Fastify with a JSON schema, a
 * micro-batcher, and an answer once the outcome comes back. Runs as a process of its own; prints its address.
 */
export async function serveAwaitedWrites(kafka: Kafka, there: string, back: string): Promise<void> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  const listener = kafka.consumer({ groupId: back, maxWaitTimeInMs: 100 });
  await Promise.all([producer.connect(), listener.connect()]);
  await listener.subscribe({ topic: back, fromBeginning: true });
  const waiting = new Map<string, (value: string) => void>();
  await listener.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const { key, value } of batch.messages) waiting.get(String(key))?.(String(value));
    },
  });
  const batcher = new MicroBatcher(producer, there);
  let requests = 0;
  const app = Fastify();
  app.post('/v1/runs', { schema: BODY_SCHEMA }, async (request, reply) => {
    const id = randomUUID();
    const outcome = new Promise<string>((resolve) => waiting.set(id, resolve));
    await batcher.send(eventMessage(id, JSON.stringify(request.body), (requests += 1) % PARTITIONS));
    const text = await outcome;
    waiting.delete(id);
    return reply.code(201).header('content-type', 'application/json').send(text);
  });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  process.stdout.write(`${address}\n`);
}

/**
 * The other half: kafkajs in batches, one set-based INSERT of a batch, and its outcomes produced once it is committed. No
 * offsets, no validation, no state machine. Runs as a process of its own; prints a line when it reads.
 */
export async function answerAwaitedWrites(kafka: Kafka, databaseUrl: string, there: string, back: string) {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 8 });
  await pool.query('CREATE TABLE limit_awaited (id uuid PRIMARY KEY, data json)');
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  const consumer = kafka.consumer({ groupId: there, maxWaitTimeInMs: 100 });
  await Promise.all([producer.connect(), consumer.connect()]);
  await consumer.subscribe({ topic: there, fromBeginning: true });
  const batcher = new MicroBatcher(producer, back);
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: PARTITIONS,
    eachBatch: async ({ batch: { messages, partition } }) => {
      const rows = messages.map(({ headers, value }) => ({ id: String(headers?.ce_id), value: String(value) }));
      await pool.query(INSERT, [rows.map(({ id }) => id), rows.map(({ value }) => value)]);
      await Promise.all(rows.map(({ id, value }) => batcher.send({ key: id, value, partition })));
    },
  });
  process.stdout.write('reading\n');
}

const INSERT = {
  name: 'insert',
  text: 'INSERT INTO limit_awaited SELECT * FROM unnest($1::uuid[], $2::json[])',
};
