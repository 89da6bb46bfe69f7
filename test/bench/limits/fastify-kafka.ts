import { randomUUID } from 'node:crypto';
import Fastify from 'fastify';
import type { Kafka, Message } from 'kafkajs';

/**
 * The limit of taking requests: bare Fastify with a JSON schema, one Kafka record a request behind a micro-batcher,
 * acks=all. The record is the one that a gateway has to write: an event with its envelope as headers, under its key. Runs
 * as a process of its own; prints its address.
 */
export async function serveFastifyKafka(kafka: Kafka, topic: string): Promise<void> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  let waiting: { value: string; resolve: () => void; reject: (error: unknown) => void }[] = [];
  let sending = false;
  const flush = async () => {
    sending = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const messages = batch.map(({ value }, index) => messageOf(value, index % 4));
      await producer
        .send({ topic, acks: -1, messages })
        .then(() => batch.forEach(({ resolve }) => resolve()))
        .catch((error: unknown) => batch.forEach(({ reject }) => reject(error)));
    }
    sending = false;
  };
  const produce = (value: string) =>
    new Promise<void>((resolve, reject) => {
      waiting.push({ value, resolve, reject });
      if (!sending) {
        sending = true;
        setImmediate(() => void flush());
      }
    });

  const app = Fastify();
  const schema = {
    body: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, kind: { type: 'string' } } },
  };
  app.post('/v1/runs', { schema }, async (request, reply) => {
    await produce(JSON.stringify(request.body));
    return reply.code(202).send({ outcome: 'pending' });
  });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  process.stdout.write(`${address}\n`);
}

const ENVELOPE = {
  'content-type': 'application/json',
  ce_specversion: '1.0',
  ce_source: '/gateway',
  ce_type: 'run.created',
  ce_dataschema: 'runspine://schemas/run.created/v1',
  ce_tenantid: 'default',
  ce_env: 'default',
  ce_projectid: 'default',
  ce_surfaceid: 'default',
};

function messageOf(value: string, partition: number): Message {
  const id = randomUUID();
  const key = `default/${id.slice(0, 8)}`;
  const headers = {
    ...ENVELOPE,
    ce_id: id,
    ce_time: new Date().toISOString(),
    ce_subject: `run_${id.replaceAll('-', '')}`,
    ce_partitionkey: key,
  };
  return { key, headers, value, partition };
}
