import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlobStores } from '@runspine/blobs';
import {
  type BlobRef,
  encodeBinary,
  newEventId,
  newTaskId,
  type NexusEvent,
  nexusEvent,
  type NexusEventData,
  type SpaceKey,
  topicName,
} from '@runspine/contracts';
import { BatchingProducer, createKafkaClient, ensureTopics, GroupOfOneReader, partitionFor } from '@runspine/kafka';
import { decodeNexusRecord } from '@runspine/contracts';
import { migrate } from '@runspine/projections';
import { openPool } from '@runspine/projections/journal';
import { createLogger } from '@runspine/service';
import pg from 'pg';
import type { Embedder } from '../embedding/embedder.js';
import { HashEmbedder } from '../embedding/hash.embedder.js';
import { Gate } from '../remote/gate.js';
import { SpaceStore } from '../spaces/space-store.js';
import { IngestConsumer } from './ingest-consumer.js';
import type { IngestLimits, IngestParts } from './ingest-parts.js';
import type { PartitionLimits } from './ingest-partition.js';
import { RequestBlobs } from './request-blobs.js';

export type Asked = Partial<Omit<NexusEventData<'nexus.ingest_requested'>, 'space'>>;

export interface IngestOptions {
  readonly limits?: Partial<IngestLimits>;
  readonly partition?: Partial<PartitionLimits>;
  readonly embedderOf?: (space: SpaceKey) => Embedder;
  readonly store?: (store: SpaceStore) => IngestParts['store'];
}

/** Ingest over a topic of its own with one partition, on real Kafka, PostgreSQL and LanceDB in a temporary folder. */
export class RunningIngest {
  readonly events: NexusEvent[] = [];
  readonly store: SpaceStore;
  readonly topic: string;
  /** As the owner of the database. */
  readonly owner: pg.Pool;
  /** Whose journal this is not: what the projector decided is put in by hand. */
  private readonly pool: pg.Pool;
  private readonly blobs = new BlobStores();
  private readonly kafka;
  private readonly producer: BatchingProducer;
  private readonly reader: GroupOfOneReader;
  private consumer: IngestConsumer | undefined;

  private constructor(
    private readonly name: string,
    brokers: string,
    private readonly root: string,
    private readonly adminUrl: string,
  ) {
    const databaseUrl = urlOf(adminUrl, name);
    this.owner = new pg.Pool({ connectionString: databaseUrl, max: 2 });
    this.pool = openPool({ databaseUrl, role: 'runspine_nexus', connectionsMax: 2 });
    this.topic = topicName('nexus', `${name}.`);
    this.kafka = createKafkaClient({ brokers: brokers.split(','), clientId: name });
    this.producer = new BatchingProducer({ client: this.kafka });
    this.store = this.newStore();
    this.reader = new GroupOfOneReader({
      client: this.kafka,
      topic: this.topic,
      groupPrefix: name,
      onFatal: (error) => void this.fail(error),
      handler: ({ records }) => {
        for (const record of records) {
          const decoded = decodeNexusRecord(record);
          if ('event' in decoded) this.events.push(decoded.event);
        }
      },
    });
  }

  static async start(servers: { DATABASE_URL?: string; KAFKA_BROKERS?: string }): Promise<RunningIngest> {
    const name = `nx_d_${randomBytes(6).toString('hex')}`;
    const adminUrl = servers.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';
    await asAdmin(adminUrl, `CREATE DATABASE ${name}`);
    await migrate(urlOf(adminUrl, name));
    const root = await mkdtemp(join(tmpdir(), 'runspine-ingest-'));
    const running = new RunningIngest(name, servers.KAFKA_BROKERS ?? '127.0.0.1:9092', root, adminUrl);
    const spec = { topic: running.topic, partitions: 1, replication: 1 };
    await running.kafka.withAdmin((admin) => ensureTopics(admin, [spec]));
    await running.reader.start();
    await running.reader.whenReady();
    return running;
  }

  /** A store over the same files, as another process would have it. */
  newStore(): SpaceStore {
    return new SpaceStore(async () => ({ uri: join(this.root, 'spaces') }));
  }

  /** Begins to consume. The group is kept, so that the next consumer goes on where this one was. */
  async consume(options: IngestOptions = {}, group = 'ingest'): Promise<void> {
    const parts: Omit<IngestParts, 'publish' | 'decisions'> = {
      store: options.store ? options.store(this.store) : this.store,
      embedderOf: options.embedderOf ?? (() => new HashEmbedder(16)),
      blobs: new RequestBlobs(
        async (blob, bytesMax, signal) => {
          const opened = await this.blobs.open(this.blobRoute(), ownerOf(blob));
          return opened.getBytes(blob.key, { bytesMax, signal });
        },
        16 * 1024 * 1024,
      ),
      preparing: new Gate(4),
      committing: new Gate(4),
      held: { bytes: 0 },
      limits: {
        windowMs: 200,
        groupBytes: 32 * 1024 * 1024,
        heldBytesMax: 128 * 1024 * 1024,
        retryMs: 60_000,
        textBytesMax: 16 * 1024 * 1024,
        chunksMax: 20_000,
        ...options.limits,
      },
      logger: createLogger('test', { logLevel: 'fatal', instance: this.name }),
    };
    this.consumer = new IngestConsumer({
      kafka: this.kafka,
      producer: this.producer,
      pool: this.pool,
      topic: this.topic,
      groupId: `${this.name}.${group}`,
      partitions: 1,
      parts,
      limits: { tasksMax: 100, bytesMax: 16 * 1024 * 1024, ...options.partition },
      onFatal: (error) => void this.fail(error),
    });
    await this.consumer.start();
  }

  async stopConsuming(): Promise<void> {
    await this.consumer?.stop();
    this.consumer = undefined;
  }

  /** Asks for an ingest; the task's id. */
  async ask(asked: Asked, from: Partial<SpaceKey> = {}): Promise<string> {
    const task_id = asked.task_id ?? newTaskId();
    const { tenantId, env, projectId, surfaceId, spaceId } = spaceKey(from);
    const event = nexusEvent(
      'nexus.ingest_requested',
      {
        id: newEventId(),
        source: '/test',
        time: new Date().toISOString(),
        tenantid: tenantId,
        env,
        projectid: projectId,
        surfaceid: surfaceId,
        correlationid: 'c1',
      },
      {
        ...asked,
        task_id,
        space: { scope: from.scope ?? 'tenant', project: projectId, surface: surfaceId, space_id: spaceId },
      },
    );
    const { key, headers, value } = encodeBinary(event);
    await this.producer.send({ topic: this.topic, partition: partitionFor(key, 1), key, headers, value });
    return task_id;
  }

  sendRaw(key: string, value: string, headers: Record<string, string> = {}): Promise<unknown> {
    return this.producer.send({ topic: this.topic, partition: 0, key, value, headers });
  }

  async putBlob(ref: BlobRef, bytes: string | Buffer): Promise<void> {
    const opened = await this.blobs.open(this.blobRoute(), ownerOf(ref));
    await opened.putBytes(ref.key, Buffer.from(bytes));
  }

  /** The data of the task's outcome, and its type. */
  async outcome(taskId: string, waitMs = 30_000): Promise<{ type: string; id: string } & Record<string, unknown>> {
    for (const untilMs = Date.now() + waitMs; Date.now() < untilMs;) {
      const event = this.events.find(
        ({ type, data }) => /ingest_(completed|failed)/.test(type) && 'task_id' in data && data.task_id === taskId,
      );
      if (event) return { type: event.type, id: event.id, ...event.data };
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`no outcome of ${taskId}`);
  }

  /** document_id and chunk texts of what lives in a space, read as another process would. */
  async contents(from: Partial<SpaceKey> = {}): Promise<Record<string, string[]>> {
    const store = this.newStore();
    const pinned = await store.open(spaceKey(from));
    const found: Record<string, string[]> = {};
    if (pinned) {
      const rows = (await pinned.table.query().where('tombstone = false').toArray()) as {
        document_id: string;
        chunk_index: number;
        text: string;
      }[];
      for (const { document_id, text } of rows.sort((a, b) => a.chunk_index - b.chunk_index)) {
        (found[document_id] ??= []).push(text);
      }
      pinned.release();
    }
    await store.close();
    return found;
  }

  committedOffset(group = 'ingest'): Promise<number> {
    return this.kafka.withAdmin(async (admin) => {
      const [of] = await admin.fetchOffsets({ groupId: `${this.name}.${group}`, topics: [this.topic] });
      return Number(of?.partitions[0]?.offset ?? -1);
    });
  }

  async savedPosition(): Promise<number> {
    const { rows } = await this.owner.query<{ position: string }>('SELECT position FROM nexus_positions');
    return Number(rows[0]?.position ?? -1);
  }

  async stop(): Promise<void> {
    await this.stopConsuming();
    await this.reader.close();
    await this.producer.close();
    await this.store.close();
    await this.blobs.close();
    await this.pool.end();
    await this.owner.end();
    await asAdmin(this.adminUrl, `DROP DATABASE ${this.name} WITH (FORCE)`);
    // A busy broker deletes it later than kafkajs waits.
    await this.kafka.withAdmin((admin) => admin.deleteTopics({ topics: [this.topic] })).catch(() => undefined);
    await rm(this.root, { recursive: true, force: true });
  }

  private blobRoute() {
    return { uri: `file://${join(this.root, 'blobs')}`, options: {} };
  }

  private fail(error: Error): void {
    throw error;
  }
}

export function spaceKey(from: Partial<SpaceKey> = {}): SpaceKey {
  return {
    scope: 'tenant',
    tenantId: 'acme',
    env: 'test',
    projectId: 'default',
    surfaceId: 'default',
    spaceId: 'notes',
    ...from,
  };
}

function urlOf(adminUrl: string, database: string): string {
  return Object.assign(new URL(adminUrl), { pathname: `/${database}` }).toString();
}

async function asAdmin(adminUrl: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

const ownerOf = ({ tenant, env, project }: BlobRef) => ({ tenantId: tenant, env, projectId: project });
