import { once } from 'node:events';
import pg from 'pg';
import type { Kafka } from 'kafkajs';

/**
 * The limit of catching up: kafkajs in batches, JSON.parse, and one transaction a batch of three set-based statements
 * with the offset's compare-and-set. No validation, no state machine, no hashes, no feed.
 * @returns events a second.
 */
export async function handWrittenBatch(
  kafka: Kafka,
  databaseUrl: string,
  topic: string,
  events: number,
): Promise<number> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 8 });
  await pool.query(SCHEMA);
  const consumer = kafka.consumer({ groupId: `${topic}-limit`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let seen = 0;
  let fromMs = 0;
  const done = new EventTarget();
  const finished = once(done, 'done');
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: 8,
    eachBatch: async ({ batch }) => {
      fromMs ||= performance.now();
      await writeBatch(pool, batch.partition, batch.messages);
      seen += batch.messages.length;
      if (seen >= events) done.dispatchEvent(new Event('done'));
    },
  });
  await finished;
  const rate = (seen / (performance.now() - fromMs)) * 1000;
  await consumer.disconnect();
  await pool.end();
  return rate;
}

interface Message {
  offset: string;
  value: Buffer | null;
  headers?: Record<string, unknown>;
}

async function writeBatch(pool: pg.Pool, partition: number, messages: readonly Message[]): Promise<void> {
  const rows = messages.map((message) => ({
    offset: message.offset,
    id: String(message.headers?.ce_id),
    type: String(message.headers?.ce_type),
    tenant: String(message.headers?.ce_tenantid),
    time: String(message.headers?.ce_time),
    text: String(message.value),
    data: JSON.parse(String(message.value)) as { run_id: string },
  }));
  const latest = new Map(rows.map((row) => [row.data.run_id, row]));
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(ADVANCE, [partition, Number(messages.at(-1)!.offset) + 1, Number(messages[0]!.offset)]);
    await client.query(EVENTS, [
      rows.map((row) => row.tenant),
      rows.map((row) => row.data.run_id),
      rows.map(() => partition),
      rows.map((row) => row.offset),
      rows.map((row) => row.id),
      rows.map((row) => row.type),
      rows.map((row) => row.time),
      rows.map((row) => row.text),
    ]);
    await client.query(OUTCOMES, [
      rows.map((row) => row.tenant),
      rows.map((row) => row.id),
      rows.map((row) => row.data.run_id),
    ]);
    await client.query(RUNS, [
      [...latest.values()].map((row) => row.tenant),
      [...latest.keys()],
      [...latest.values()].map((row) => row.type),
    ]);
    await client.query('COMMIT');
  } finally {
    client.release();
  }
}

const SCHEMA = `
  CREATE TABLE limit_offsets (partition int PRIMARY KEY, position bigint);
  CREATE TABLE limit_events (tenant text, run_id text, partition int, "offset" bigint, id uuid, type text, time timestamptz,
    data jsonb, PRIMARY KEY (tenant, run_id, "offset"));
  CREATE TABLE limit_outcomes (tenant text, id uuid, run_id text, PRIMARY KEY (tenant, id));
  CREATE TABLE limit_runs (tenant text, run_id text, status text, PRIMARY KEY (tenant, run_id))`;
const ADVANCE = {
  name: 'advance',
  text: `INSERT INTO limit_offsets VALUES ($1, $2) ON CONFLICT (partition) DO UPDATE SET position = $2
         WHERE limit_offsets.position = $3`,
};
const EVENTS = {
  name: 'events',
  text: `INSERT INTO limit_events SELECT * FROM
         unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::uuid[], $6::text[], $7::timestamptz[], $8::jsonb[])`,
};
const OUTCOMES = {
  name: 'outcomes',
  text: `INSERT INTO limit_outcomes SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[]) ON CONFLICT DO NOTHING`,
};
const RUNS = {
  name: 'runs',
  text: `INSERT INTO limit_runs SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
         ON CONFLICT (tenant, run_id) DO UPDATE SET status = EXCLUDED.status`,
};
