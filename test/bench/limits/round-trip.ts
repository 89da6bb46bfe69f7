import pg from 'pg';
import type { Bench } from '../servers.ts';

/** One trip at a time; to be closed. */
export interface RoundTrip {
  trip(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The limit of a write that waits for its outcome, idle: produce, consume, one PostgreSQL commit, produce, consume, by
 * bare kafkajs and pg.
 */
export async function openRoundTrip(bench: Bench): Promise<RoundTrip> {
  const { kafka } = bench.kafka;
  const [there, back] = [`${bench.prefix}limit-there`, `${bench.prefix}limit-back`];
  await bench.kafka.withAdmin(async (admin) => {
    await admin.createTopics({
      waitForLeaders: true,
      topics: [there, back].map((topic) => ({ topic, numPartitions: 1 })),
    });
  });
  const database = new pg.Client({ connectionString: bench.databaseUrl });
  await database.connect();
  await database.query('CREATE TABLE limit_trips (id int PRIMARY KEY, value text)');
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  const answerer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  const consumer = kafka.consumer({ groupId: `${bench.prefix}trip`, maxWaitTimeInMs: 100 });
  const listener = kafka.consumer({ groupId: `${bench.prefix}trip-back`, maxWaitTimeInMs: 100 });
  await Promise.all([producer, answerer, consumer, listener].map((client) => client.connect()));
  await consumer.subscribe({ topic: there, fromBeginning: true });
  await listener.subscribe({ topic: back, fromBeginning: true });
  let arrived: (value: string) => void = () => undefined;
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ message }) => {
      const value = String(message.value);
      await database.query('INSERT INTO limit_trips VALUES ($1, $2)', [Number(value), value]);
      await answerer.send({ topic: back, acks: -1, messages: [{ value }] });
    },
  });
  await listener.run({ autoCommit: false, eachMessage: async ({ message }) => arrived(String(message.value)) });
  let trips = 0;
  return {
    async trip() {
      const id = String((trips += 1));
      const back = new Promise<void>((resolve) => (arrived = (value) => value === id && resolve()));
      await producer.send({ topic: there, acks: -1, messages: [{ value: id }] });
      await back;
    },
    async close() {
      await Promise.all([consumer, listener, producer, answerer].map((client) => client.disconnect()));
      await database.end();
    },
  };
}
