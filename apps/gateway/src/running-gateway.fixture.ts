import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { TOPICS, topicName } from '@runspine/contracts';
import { createKafkaClient, ensureTopics } from '@runspine/kafka';
import { migrate } from '@runspine/projections';
import { createOwnDatabase } from '@runspine/projections/testing';
import { createLogger, Health, Metrics, readSettings } from '@runspine/service';
import pg from 'pg';
import { gatewaySettings } from './config.js';
import { startGateway } from './gateway.js';

/** The servers that tests use: `process.env` has them. */
interface Servers {
  DATABASE_URL?: string | undefined;
  KAFKA_BROKERS?: string | undefined;
}

/** A gateway in this process, on topics and a database of its own; nobody projects what it writes. */
export interface RunningGateway {
  readonly address: string;
  readonly health: Health;
  /** Lines that it logged. */
  readonly log: Record<string, unknown>[];
  /** The database, as its owner. */
  readonly owner: pg.Pool;
  readonly brokers: readonly string[];
  /** Its topics, by role. */
  readonly topics: Readonly<Record<'runs' | 'nexus' | 'feed', string>>;
  /** Drains it, as SIGTERM would. */
  drain(): Promise<void>;
  /** Drains it, and removes its topics and database. */
  remove(): Promise<void>;
}

/** `overrides`: settings by the name of their variable. */
export async function runGateway(servers: Servers, overrides: Record<string, string> = {}): Promise<RunningGateway> {
  const brokers = servers.KAFKA_BROKERS ?? '127.0.0.1:9092';
  const database = await createOwnDatabase('gateway_test', servers.DATABASE_URL);
  await migrate(database.url);
  const prefix = `${database.name}.`;
  const kafka = createKafkaClient({ brokers: brokers.split(','), clientId: database.name });
  const topics = (['runs', 'nexus', 'feed'] as const).map((role) => ({
    topic: topicName(role, prefix),
    partitions: 2,
    replication: 1,
    maxMessageBytes: TOPICS[role].maxMessageBytes,
  }));
  await kafka.withAdmin((admin) => ensureTopics(admin, topics));

  const settings = readSettings(gatewaySettings, {
    KAFKA_BROKERS: brokers,
    DATABASE_URL: database.url,
    RUNSPINE_TOPIC_PREFIX: prefix,
    RUNSPINE_PORT: '0',
    RUNSPINE_SIGNING_KEY: randomBytes(32).toString('hex'),
    RUNSPINE_DRAIN_MS: '3000',
    ...overrides,
  });
  const log: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void log.push(JSON.parse(line) as Record<string, unknown>) };
  const health = new Health();
  const drain = await startGateway({
    name: 'gateway',
    settings,
    logger: createLogger('gateway', settings, { destination }),
    metrics: new Metrics('gateway', false),
    health,
    fatal: (error) => {
      throw error;
    },
  });
  const owner = new pg.Pool({ connectionString: database.url, max: 2 });
  let drained: Promise<void> | undefined;
  return {
    address: String(log.find(({ msg }) => msg === 'listening')?.address),
    health,
    log,
    owner,
    brokers: brokers.split(','),
    topics: { runs: topicName('runs', prefix), nexus: topicName('nexus', prefix), feed: topicName('feed', prefix) },
    drain: () => (drained ??= drain()),
    remove: async () => {
      await (drained ??= drain());
      await owner.end();
      await kafka.withAdmin((admin) => admin.deleteTopics({ topics: topics.map(({ topic }) => topic) }));
      await database.drop();
    },
  };
}

/** Waits until `/health/ready` says ok. */
export async function untilReady({ address, health }: RunningGateway): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if ((await fetch(`${address}/health/ready`)).status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`The gateway is not ready: ${JSON.stringify(await health.ready())}`);
}
