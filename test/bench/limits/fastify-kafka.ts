import { randomUUID } from 'node:crypto';
import Fastify from 'fastify';
import type { Kafka } from 'kafkajs';
import { eventMessage } from './event-message.ts';
import { MicroBatcher } from './micro-batcher.ts';

/** What both limits over HTTP ask of a body. */
export const BODY_SCHEMA = {
  body: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, kind: { type: 'string' } } },
};
export const PARTITIONS = 4;

/**
 * The limit of taking requests: bare Fastify with a JSON schema, one Kafka record a request behind a micro-batcher,
 * acks=all. Runs as a process of its own; prints its address.
 */
export async function serveFastifyKafka(kafka: Kafka, topic: string): Promise<void> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const batcher = new MicroBatcher(producer, topic);
  let requests = 0;
  const app = Fastify();
  app.post('/v1/runs', { schema: BODY_SCHEMA }, async (request, reply) => {
    await batcher.send(eventMessage(randomUUID(), JSON.stringify(request.body), (requests += 1) % PARTITIONS));
    return reply.code(202).send({ outcome: 'pending' });
  });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  process.stdout.write(`${address}\n`);
}
