import { createSecretKey, randomBytes } from 'node:crypto';
import { encodeBinary, type NexusEvent, nexusEvent, newEventId, topicName } from '@runspine/contracts';
import {
  BatchingProducer,
  createKafkaClient,
  ensureTopics,
  type PartitionBatch,
  PartitionConsumer,
  partitionFor,
} from '@runspine/kafka';
import { migrate, openPool } from '@runspine/projections';
import { createOwnDatabase, type OwnDatabase } from '@runspine/projections/testing';
import { createLogger } from '@runspine/service';
import pg from 'pg';
import { LogPositions } from '../log/log-positions.js';
import type { SetAside } from './nexus-entry.js';
import { NexusProjector } from './nexus-projector.js';

export const PARTITIONS = 3;

/** The nexus projection over a topic and a database of its own, consuming; dead letters are kept in memory. */
export class RunningNexus {
  readonly journalKey = createSecretKey(randomBytes(32));
  readonly deadLetters: SetAside[] = [];
  /** Batches as they were delivered. */
  readonly delivered: PartitionBatch[] = [];
  readonly topic: string;
  readonly owner: pg.Pool;
  readonly projector: NexusProjector;
  private readonly pool: pg.Pool;
  private readonly kafka;
  private readonly producer: BatchingProducer;
  private consumer: PartitionConsumer;
  private readonly consumerOptions;

  private constructor(
    private readonly database: OwnDatabase,
    brokers: string,
  ) {
    const { name, url: databaseUrl } = database;
    this.topic = topicName('nexus', `${name}.`);
    this.owner = new pg.Pool({ connectionString: databaseUrl, max: 2 });
    this.pool = openPool({ databaseUrl, role: 'runspine_projector', connectionsMax: 4 });
    this.kafka = createKafkaClient({ brokers: brokers.split(','), clientId: name });
    this.producer = new BatchingProducer({ client: this.kafka });
    const logger = createLogger('test', { logLevel: 'fatal', instance: name });
    const positions = new LogPositions(this.kafka, this.pool, logger, PARTITIONS);
    this.projector = new NexusProjector({
      pool: this.pool,
      positions,
      partitions: PARTITIONS,
      journalKey: this.journalKey,
      logger,
      deadLetter: (letter) => Promise.resolve(void this.deadLetters.push(letter)),
    });
    this.consumerOptions = {
      client: this.kafka,
      groupId: `${name}.projector`,
      topics: [this.topic],
      onAssigned: positions.assign,
      onFatal: (error: Error) => {
        throw error;
      },
      handler: async (batch: PartitionBatch) => {
        this.delivered.push(batch);
        await this.projector.apply(batch);
      },
    };
    this.consumer = new PartitionConsumer(this.consumerOptions);
  }

  static async start(servers: { DATABASE_URL?: string; KAFKA_BROKERS?: string }): Promise<RunningNexus> {
    const database = await createOwnDatabase('nx_a', servers.DATABASE_URL);
    await migrate(database.url);
    const running = new RunningNexus(database, servers.KAFKA_BROKERS ?? '127.0.0.1:9092');
    const spec = { topic: running.topic, partitions: PARTITIONS, replication: 1 };
    await running.kafka.withAdmin((admin) => ensureTopics(admin, [spec]));
    await running.consumer.start();
    return running;
  }

  /** Sends events in order, each to its partition. */
  async send(...events: NexusEvent[]): Promise<void> {
    for (const event of events) {
      const { key, headers, value } = encodeBinary(event);
      await this.producer.send({ topic: this.topic, partition: partitionFor(key, PARTITIONS), key, headers, value });
    }
    await this.settled();
  }

  /** Sends a record as it is. */
  async sendRaw(record: {
    partition: number;
    key: string;
    headers: Record<string, string>;
    value: string;
  }): Promise<void> {
    await this.producer.send({ topic: this.topic, ...record });
    await this.settled();
  }

  /** Waits until the projection has read all there is. */
  async settled(): Promise<void> {
    for (let attempt = 0; attempt < 400; attempt++) {
      const ends = await this.kafka.withAdmin((admin) => admin.fetchTopicOffsets(this.topic));
      const { rows } = await this.owner.query<{ partition: number; position: string }>(
        'SELECT partition, position FROM projector_offsets WHERE topic = $1',
        [this.topic],
      );
      const at = new Map(rows.map((row) => [row.partition, Number(row.position)]));
      if (ends.every(({ partition, high }) => (at.get(partition) ?? 0) >= Number(high))) return;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error('The projection did not catch up.');
  }

  /** Everything is read again from the log's beginning, by a new member of the group. */
  async replay(): Promise<void> {
    await this.consumer.stop();
    await this.owner.query('UPDATE projector_offsets SET position = 0 WHERE topic = $1', [this.topic]);
    this.consumer = new PartitionConsumer(this.consumerOptions);
    await this.consumer.start();
    await this.settled();
  }

  /** PostgreSQL fails every batch, as it does where it shuts down, until `saveAgain`. */
  async refuseToSave(): Promise<void> {
    await this.owner.query(`
      CREATE FUNCTION shut_down() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'shutting down' USING ERRCODE = '57P01'; END $$;
      CREATE TRIGGER shut_down BEFORE UPDATE ON projector_offsets EXECUTE FUNCTION shut_down();`);
  }

  async saveAgain(): Promise<void> {
    await this.owner.query('DROP TRIGGER shut_down ON projector_offsets; DROP FUNCTION shut_down();');
  }

  /** Waits until so many batches were delivered since the start, tries counted each. */
  async delivers(batches: number): Promise<void> {
    for (let attempt = 0; attempt < 400 && this.delivered.length < batches; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    if (this.delivered.length < batches) throw new Error(`Only ${this.delivered.length} batches came.`);
  }

  async task(taskId: string): Promise<Record<string, unknown> | undefined> {
    const { rows } = await this.owner.query<Record<string, unknown>>(
      'SELECT * FROM proj_nexus_tasks WHERE task_id = $1 ORDER BY tenant_id',
      [taskId],
    );
    return rows[0];
  }

  async events(stream: string): Promise<Record<string, unknown>[]> {
    const { rows } = await this.owner.query<Record<string, unknown>>(
      'SELECT * FROM nexus_events WHERE stream = $1 ORDER BY sequence',
      [stream],
    );
    return rows;
  }

  async remove(): Promise<void> {
    await this.consumer.stop();
    await this.producer.close();
    await this.pool.end();
    await this.owner.end();
    await this.kafka.withAdmin((admin) => admin.deleteTopics({ topics: [this.topic] }));
    await this.database.drop();
  }
}

const space = { scope: 'tenant', project: 'default', surface: 'default', space_id: 'handbook' } as const;

/** A nexus event of tenant acme, space handbook; `envelope` and `data` say otherwise. */
export function nexusOf(type: NexusEvent['type'], data: object, envelope: object = {}): NexusEvent {
  const base = {
    id: newEventId(),
    source: '/test',
    time: new Date().toISOString(),
    tenantid: 'acme',
    env: 'prod',
    projectid: 'default',
    surfaceid: 'default',
  };
  return nexusEvent(type, { ...base, ...envelope }, { space, ...data } as never);
}
