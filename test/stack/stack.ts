import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type TopicRole, topicName } from '@runspine/contracts';
import { createKafkaClient, type KafkaClient } from '@runspine/kafka';
import type { Admin } from 'kafkajs';
import { Database } from './database.js';
import { ForeignProducer } from './foreign-producer.js';
import { HttpClient } from './http-client.js';
import { runBuilt, type ServiceName, ServiceProcess } from './service-process.js';
import { KafkaProxy, TcpProxy } from './tcp-proxy.js';
import { type LoggedRecord, readTopic } from './topic-reader.js';
import { until } from './until.js';

export interface StackOptions {
  /** @default 0 */
  gateways?: number;
  /** @default 1 */
  projectors?: number;
  /** Spaces and blobs lie in a temporary folder, routed for everybody. @default 0 */
  nexuses?: number;
  /** Settings of every service, over the stack's own. */
  settings?: Record<string, string>;
  /** Services reach Kafka and PostgreSQL through `stack.kafkaProxy` and `stack.postgresProxy`. @default false */
  proxied?: boolean;
}

/** The whole system, for one test file: services, a database and topics that nobody else uses. */
export interface Stack {
  readonly gateways: readonly ServiceProcess[];
  readonly projectors: readonly ServiceProcess[];
  readonly nexuses: readonly ServiceProcess[];
  /** Where spaces and blobs lie; only with `nexuses`. */
  readonly storeRoot: string | undefined;
  readonly database: Database;
  readonly admin: Admin;
  readonly brokers: string[];
  readonly kafkaProxy: KafkaProxy | undefined;
  readonly postgresProxy: TcpProxy | undefined;
  /** Key of the journal's hash chain. */
  readonly journalKey: Buffer;
  /** Environment that the services have. */
  readonly env: Record<string, string>;
  /** A caller of a gateway; of tenant `default` unless headers say otherwise. */
  http(gateway?: number): HttpClient;
  /** Another team's Kafka client. */
  foreign(tenant?: string, env?: string): Promise<ForeignProducer>;
  topic(role: TopicRole): string;
  /** Every record of a topic, in the order of its partitions. */
  read(role: TopicRole): Promise<LoggedRecord[]>;
  /** First and next offset of each partition of the runs topic. */
  logEnds(role?: TopicRole): Promise<{ partition: number; low: number; high: number }[]>;
  /** What the projector has read of each partition of the runs topic. */
  positions(): Promise<Map<number, number>>;
  /** Resolves when every record of the runs topic is applied, or otherwise done with. */
  caughtUp(timeoutMs?: number): Promise<void>;
  /** Adds a process, started and ready. */
  add(service: ServiceName): Promise<ServiceProcess>;
  /** Moves what the projector has read of every partition, by hand. */
  rewind(position: (partition: number, stored: number) => number): Promise<void>;
  close(): Promise<void>;
}

/** Makes database and topics by the set-up command, starts the services, and waits until they are ready. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const parts = new StackParts(options);
  globalThis.servicesLogged = (sinceMs) => parts.logs(sinceMs);
  try {
    await parts.start();
    return parts;
  } catch (error) {
    await parts.close();
    throw error;
  }
}

declare global {
  /** What failure-logs.mjs asks. */
  var servicesLogged: ((sinceMs: number) => string) | undefined;
}

class StackParts implements Stack {
  readonly gateways: ServiceProcess[] = [];
  readonly projectors: ServiceProcess[] = [];
  readonly nexuses: ServiceProcess[] = [];
  storeRoot: string | undefined;
  readonly brokers = required('KAFKA_BROKERS').split(',');
  readonly journalKey = randomBytes(32);
  readonly env: Record<string, string> = {};
  readonly kafka: KafkaClient = createKafkaClient({ brokers: this.brokers, clientId: 'runspine-test' });
  readonly admin = this.kafka.kafka.admin();
  database!: Database;
  kafkaProxy: KafkaProxy | undefined;
  postgresProxy: TcpProxy | undefined;
  private readonly producers: ForeignProducer[] = [];
  private prefix = '';

  constructor(private readonly options: StackOptions) {}

  async start(): Promise<void> {
    const { gateways = 0, projectors = 1, nexuses = 0, proxied = false, settings } = this.options;
    if (nexuses > 0) this.storeRoot = await mkdtemp(join(tmpdir(), 'runspine-stores-'));
    [this.database] = await Promise.all([Database.create(required('DATABASE_URL')), this.admin.connect()]);
    this.prefix = `${this.database.name}.`;
    if (proxied) await this.startProxies();
    Object.assign(this.env, {
      KAFKA_BROKERS: this.kafkaProxy?.brokers ?? this.brokers.join(','),
      DATABASE_URL: this.servicesDatabaseUrl(),
      RUNSPINE_TOPIC_PREFIX: this.prefix,
      RUNSPINE_JOURNAL_KEY: this.journalKey.toString('hex'),
      RUNSPINE_SIGNING_KEY: randomBytes(32).toString('hex'),
      RUNSPINE_PORT: '0',
      RUNSPINE_PROJECTOR_PORT: '0',
      RUNSPINE_NEXUS_PORT: '0',
      ...(this.storeRoot === undefined ? {} : { RUNSPINE_ROUTE_FILE_ROOTS: this.storeRoot }),
      ...settings,
    });
    const setup = await runBuilt('apps/projector/dist/setup.js', [], this.env);
    if (setup.code !== 0) throw new Error(`set-up ended with ${setup.code}:\n${setup.output}`);
    await this.startNexuses(nexuses);
    await Promise.all(times(projectors, 'projector').map((service) => this.add(service)));
    // Before the gateways: they are told where the first of them listens.
    if (projectors > 0) this.env.RUNSPINE_PROJECTOR_URL ??= this.projectors[0]!.address;
    await Promise.all(times(gateways, 'gateway').map((service) => this.add(service)));
  }

  async add(service: ServiceName): Promise<ServiceProcess> {
    const list = { gateway: this.gateways, projector: this.projectors, nexus: this.nexuses }[service];
    const name = `${service} ${list.length}`;
    const instance = `${service}-${list.length}`;
    const added = new ServiceProcess(service, name, { ...this.env, RUNSPINE_INSTANCE: instance });
    list.push(added);
    await added.start();
    await added.ready();
    return added;
  }

  http(gateway = 0): HttpClient {
    return new HttpClient(() => this.gateways[gateway]!.address);
  }

  async foreign(tenant?: string, env?: string): Promise<ForeignProducer> {
    const producer = new ForeignProducer(this.brokers, this.topic('runs'), tenant, env);
    this.producers.push(producer);
    await producer.connect();
    return producer;
  }

  topic(role: TopicRole): string {
    return topicName(role, this.prefix);
  }

  read(role: TopicRole): Promise<LoggedRecord[]> {
    return readTopic(this.kafka.kafka, this.topic(role), `${this.prefix}reader-${randomBytes(4).toString('hex')}`);
  }

  async logEnds(role: TopicRole = 'runs'): Promise<{ partition: number; low: number; high: number }[]> {
    const ends = await this.admin.fetchTopicOffsets(this.topic(role));
    return ends.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }));
  }

  async caughtUp(timeoutMs = 60_000): Promise<void> {
    const ends = await this.logEnds();
    const caughtUp = async () => {
      const stored = await this.positions();
      return ends.every(({ partition, high }) => high === 0 || (stored.get(partition) ?? 0) >= high);
    };
    await until('the projector to reach the end of the log', caughtUp, { timeoutMs });
  }

  async rewind(position: (partition: number, stored: number) => number): Promise<void> {
    for (const [partition, stored] of await this.positions()) {
      await this.database.rows('UPDATE projector_offsets SET position = $1 WHERE partition = $2 AND topic = $3', [
        position(partition, stored),
        partition,
        this.topic('runs'),
      ]);
    }
  }

  async close(): Promise<void> {
    this.kafkaProxy?.mend();
    this.postgresProxy?.mend();
    await Promise.all(this.producers.map((producer) => producer.close()));
    const running = [...this.gateways, ...this.nexuses, ...this.projectors].filter((service) => service.running);
    const unclean = (await Promise.all(running.map((service) => service.stopCleanly()))).filter((how) => how !== '');
    await Promise.all([this.kafkaProxy?.close(), this.postgresProxy?.close()]);
    const ours = (name: string) => name.startsWith(this.prefix) && this.prefix !== '';
    const topics = (await this.admin.listTopics()).filter(ours);
    if (topics.length > 0) await this.admin.deleteTopics({ topics });
    const groups = (await this.admin.listGroups()).groups.map(({ groupId }) => groupId).filter(ours);
    // A group whose last member was killed is not empty yet; it goes with its offsets, by the broker's own retention.
    if (groups.length > 0) await this.admin.deleteGroups(groups).catch(() => undefined);
    await this.admin.disconnect();
    await this.database?.drop();
    if (this.storeRoot !== undefined) await rm(this.storeRoot, { recursive: true, force: true });
    globalThis.servicesLogged = undefined;
    if (unclean.length > 0) throw new Error(`services did not stop cleanly: ${unclean.join(', ')}`);
  }

  logs(sinceMs: number): string {
    return [...this.projectors, ...this.nexuses, ...this.gateways]
      .map((service) => `${service.name} (${service.running ? 'running' : 'ended'}):\n${service.tail(60, sinceMs)}`)
      .join('\n');
  }

  async positions(): Promise<Map<number, number>> {
    const rows = await this.database.rows<{ partition: number; position: number }>(
      'SELECT partition, position FROM projector_offsets WHERE topic = $1',
      [this.topic('runs')],
    );
    return new Map(rows.map(({ partition, position }) => [partition, position]));
  }

  /** Before the gateways: they are told where the first of them listens. */
  private async startNexuses(count: number): Promise<void> {
    if (count === 0) return;
    for (const kind of ['nexus_store', 'nexus_blob_store']) {
      await this.database.rows(
        `INSERT INTO resource_routes (kind, tenant_id, env, project_id, uri, options, updated_at, updated_by)
         VALUES ($1, '*', '*', '*', $2, '{}', now(), 'test')`,
        [kind, pathToFileURL(join(this.storeRoot as string, kind)).href],
      );
    }
    await Promise.all(times(count, 'nexus').map((service) => this.add(service)));
    this.env.RUNSPINE_NEXUS_URL ??= this.nexuses[0]!.address;
  }

  private async startProxies(): Promise<void> {
    const { brokers } = await this.admin.describeCluster();
    this.kafkaProxy = await KafkaProxy.start(brokers);
    const { hostname, port } = new URL(this.database.url);
    this.postgresProxy = await TcpProxy.start({ host: hostname, port: Number(port || 5432) });
  }

  private servicesDatabaseUrl(): string {
    if (!this.postgresProxy) return this.database.url;
    const url = new URL(this.database.url);
    url.hostname = '127.0.0.1';
    url.port = String(this.postgresProxy.port);
    return url.href;
  }
}

function times(count: number, service: ServiceName): ServiceName[] {
  return Array.from({ length: count }, () => service);
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the system tests with npm test.`);
  return value;
}
