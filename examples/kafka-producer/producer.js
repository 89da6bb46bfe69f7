import { createHash, randomBytes, randomUUID } from 'node:crypto';
import process from 'node:process';
import kafkajs from 'kafkajs';

/*
 * Records a run with a plain Kafka client, by docs/events.md alone: headers, a key and JSON. The client of any language
 * does; one that stands on librdkafka (Python, Go, .NET) sets `partitioner=murmur2_random` and is otherwise the same.
 */
const brokers = (process.env.KAFKA_BROKERS ?? '127.0.0.1:9092').split(',');
const topic = `${process.env.RUNSPINE_TOPIC_PREFIX ?? ''}runspine.runs.v1`;
const [tenant, env, room] = ['default', 'default', 'warehouse'];

const kafka = new kafkajs.Kafka({ brokers, clientId: 'warehouse', logLevel: kafkajs.logLevel.ERROR });
const producer = kafka.producer({
  // Murmur2 of the key, as Java's clients have it.
  createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  allowAutoTopicCreation: false,
});

// The affinity decides the partition. That of a room is the hash of its name, so that a room's runs stay in order.
const affinity = createHash('sha256').update(`${tenant}/${env}/${room}`).digest('hex').slice(0, 8);
const runId = `run_${hexMs()}${affinity}${randomBytes(6).toString('hex')}`;
const picked = [
  { item: 'bolts', count: 40 },
  { item: 'nuts', count: 38 },
];

await producer.connect();
try {
  await send('run.created', { room_id: room, name: 'pick order 4711', kind: 'warehouse', external_id: 'order-4711' });
  await send('run.started', { task_count: picked.length });
  for (const { item, count } of picked) {
    const step = { step_id: `step_${hexMs()}${randomBytes(10).toString('hex')}` };
    await send('step.created', { ...step, name: `pick ${item}`, kind: 'pick' });
    await send('step.started', step);
    await send('step.completed', { ...step, output: { item, count }, metrics: { rows_out: count } });
  }
  await send('run.completed', { output: { items: picked.length } });
  console.log(`run ${runId}`);
} finally {
  await producer.disconnect();
}

/** One event: attributes as headers, data as JSON. When in doubt whether it arrived, the same record again is harmless. */
async function send(type, data) {
  const headers = {
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ce_id: randomUUID(),
    ce_source: '/warehouse/picking',
    ce_type: type,
    ce_time: new Date().toISOString(),
    ce_subject: runId,
    ce_tenantid: tenant,
    ce_env: env,
  };
  const value = JSON.stringify({ run_id: runId, ...data });
  await producer.send({ topic, acks: -1, messages: [{ key: `${tenant}/${affinity}`, headers, value }] });
}

function hexMs() {
  return Date.now().toString(16).padStart(12, '0');
}
