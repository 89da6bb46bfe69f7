import { createSecretKey, randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { BatchingProducer, createKafkaClient, ensureTopics } from '@runspine/kafka';
import { HeadSigner, HeadStore } from '@runspine/projections/audit';
import { openPool } from '@runspine/projections';
import { createLogger } from '@runspine/service';
import type pg from 'pg';
import { nexusOf, RunningNexus } from '../nexus/running-nexus.fixture.js';
import { type HeadClock, HeadKeeper } from './head-keeper.js';

// Real: Kafka, PostgreSQL. Not real: the time; the test says how late it is, and when a minute is over.
const topic = `heads_${randomBytes(6).toString('hex')}`;
const kafka = createKafkaClient({
  brokers: (process.env.KAFKA_BROKERS ?? '127.0.0.1:9092').split(','),
  clientId: topic,
});
const logger = createLogger('test', { logLevel: 'fatal', instance: topic });
const signer = new HeadSigner(createSecretKey(randomBytes(32)));
let journal: RunningNexus;
let pool: pg.Pool;
let producer: BatchingProducer;
const keepers: HeadKeeper[] = [];

beforeAll(async () => {
  journal = await RunningNexus.start(process.env);
  pool = openPool({
    databaseUrl: journal.owner.options.connectionString!,
    role: 'runspine_projector',
    connectionsMax: 2,
  });
  await kafka.withAdmin((admin) => ensureTopics(admin, [{ topic, partitions: 1, replication: 1 }]));
  producer = new BatchingProducer({ client: kafka });
  await journal.send(nexusOf('nexus.searched', {}, { tenantid: 'acme' }));
});
afterEach(async () => {
  for (const keeper of keepers.splice(0)) await keeper.close();
  await journal.owner.query('DELETE FROM audit_tenant_heads');
});
afterAll(async () => {
  await producer.close();
  await pool.end();
  await journal.remove();
  await kafka.withAdmin((admin) => admin.deleteTopics({ topics: [topic] }));
});

/** A clock in the test's hand. */
class HandClock implements HeadClock {
  ticking: { ms: number; work: () => void } | undefined;

  constructor(private at: Date) {}

  now(): Date {
    return this.at;
  }

  every(ms: number, work: () => void): () => void {
    this.ticking = { ms, work };
    return () => (this.ticking = undefined);
  }

  /** It is that late, and the keeper looks. */
  strike(at: Date): void {
    this.at = at;
    this.ticking?.work();
  }
}

function keeperAt(at: Date): { keeper: HeadKeeper; clock: HandClock } {
  const clock = new HandClock(at);
  const store = new HeadStore(pool, signer);
  const keeper = new HeadKeeper({ store, signer, producer, topic, partitions: 1, logger, clock });
  keepers.push(keeper);
  return { keeper, clock };
}

const DAY_MS = 24 * 3600 * 1000;
/** So many days after today's beginning in UTC, at hours:minutes. */
const day = (days: number, time: string) => {
  const today = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS + days * DAY_MS);
  return new Date(`${today.toISOString().slice(0, 10)}T${time}:00.000Z`);
};
const midnight = (days: number) => day(days, '00:00').toISOString();
const signed = async () =>
  (await journal.owner.query<{ until: Date }>('SELECT until FROM audit_tenant_heads ORDER BY until')).rows.map((row) =>
    row.until.toISOString(),
  );

it('signs the heads of a day once it is settled, ten minutes after midnight, and once', async () => {
  const { keeper, clock } = keeperAt(day(1, '00:09'));
  keeper.start();
  await keeper.idle();
  expect(clock.ticking?.ms).toBe(60_000);
  expect(await signed()).toEqual([midnight(0)]);

  clock.strike(day(1, '00:10'));
  await keeper.idle();
  for (const time of ['00:11', '12:00', '23:59']) {
    clock.strike(day(1, time));
    await keeper.idle();
  }
  expect(await signed()).toEqual([midnight(0), midnight(1)]);

  clock.strike(day(2, '00:10'));
  await keeper.idle();
  expect(await signed()).toEqual([midnight(0), midnight(1), midnight(2)]);
});

it('tries again at the next minute what could not be signed', async () => {
  const { keeper, clock } = keeperAt(day(1, '00:10'));
  await journal.owner.query('REVOKE INSERT ON audit_tenant_heads FROM runspine_projector');
  try {
    keeper.start();
    await keeper.idle();
    expect(await signed()).toEqual([]);
  } finally {
    await journal.owner.query('GRANT INSERT ON audit_tenant_heads TO runspine_projector');
  }

  clock.strike(day(1, '00:11'));
  await keeper.idle();
  expect(await signed()).toEqual([midnight(1)]);
});

it('is harmless when two projectors do it at once, and one of them twice', async () => {
  const [one, other] = [keeperAt(day(1, '00:10')), keeperAt(day(1, '00:10'))];
  for (const { keeper } of [one, other]) keeper.start();
  one.clock.strike(day(1, '00:11'));
  await Promise.all([one.keeper.idle(), other.keeper.idle()]);

  expect(await signed()).toEqual([midnight(1)]);
});

it('looks no more once it is closed', async () => {
  const { keeper, clock } = keeperAt(day(1, '00:09'));
  keeper.start();
  await keeper.idle();
  await keeper.close();

  expect(clock.ticking).toBeUndefined();
});
