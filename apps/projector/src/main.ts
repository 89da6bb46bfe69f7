import 'reflect-metadata';
import { createSecretKey } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { TOPICS, topicName } from '@runspine/contracts';
import { BatchingProducer, createKafkaClient, DeadLetterProducer, ProjectorTransport } from '@runspine/kafka';
import { assertRestricted, openPool, RoleRefused } from '@runspine/projections/journal';
import {
  consumerCheck,
  type Drain,
  NestLogger,
  persist,
  runService,
  type Service,
  startAdminServer,
} from '@runspine/service';
import type pg from 'pg';
import { BatchProjector } from './batch-projector.js';
import { NexusProjector } from './nexus/nexus-projector.js';
import { serveAdmin } from './admin/serve-admin.js';
import { runEnds } from './audit/head-keeper.js';
import { projectorSettings, type ProjectorSettings } from './config.js';
import { FeedPublisher } from './log/feed-publisher.js';
import { LogPositions } from './log/log-positions.js';
import { countOutcomes, ProjectorMetrics } from './projector-metrics.js';
import { ProjectorModule } from './projector.module.js';
import type { Unreadable } from './runs/batch-reader.js';
import { keepKeysFor } from './store/key-retention.js';

/** Of one fetch and partition: small, since the group's partitions are fetched together and wait in memory. */
const FETCH_BYTES_MAX = 256 * 1024;

/** Of the connections; the rest is for whatever else asks. */
const SHARE_OF_ROUNDS = 0.75;

await runService({ name: 'projector', settings: projectorSettings, start });

async function start(service: Service<ProjectorSettings>): Promise<Drain> {
  const { settings, logger, health } = service;
  const admin = await startAdminServer({ ...settings, health, metrics: service.metrics, logger });
  const pool = openPool({
    databaseUrl: settings.databaseUrl,
    role: 'runspine_projector',
    connectionsMax: settings.connectionsMax,
    applicationName: settings.instance,
  });
  health.add('postgres', async () => ({ ok: (await pool.query('SELECT 1')).rowCount === 1 }));
  await restricted(service, pool);

  const kafka = createKafkaClient({ brokers: settings.kafkaBrokers, clientId: settings.instance, logger });
  const producer = new BatchingProducer({ client: kafka });
  const feed = new FeedPublisher({
    producer,
    topic: topicName('feed', settings.topicPrefix),
    logger,
    lingerMs: settings.feedLingerMs,
  });
  const metrics = new ProjectorMetrics(service.metrics);
  const positions = new LogPositions(kafka, pool, logger, settings.partitions);
  const group = `${settings.topicPrefix}runspine-projector`;
  const deadLetters = new DeadLetterProducer({
    client: kafka,
    producer,
    topic: topicName('deadLetter', settings.topicPrefix),
  });
  const parts = {
    pool,
    positions,
    partitions: settings.partitions,
    journalKey: createSecretKey(settings.journalKey),
    recordsInHandMax: settings.recordsInHandMax,
    logger,
    deadLetter: async ({ record, fault }: Unreadable) => {
      const { topic, partition, offset } = record;
      logger.warn({ topic, partition, offset, code: fault.code, path: fault.path }, 'dead letter');
      const detail = fault.path === '' ? fault.message : `${fault.path} ${fault.message}`;
      await deadLetters.publish({ source: { topic, partition, offset, group }, code: fault.code, detail, record });
      metrics.deadLetter(fault.code);
    },
  };
  const served = serveAdmin({ service, admin, pool, kafka, producer, journalKey: parts.journalKey });
  const projector = new BatchProjector({
    ...parts,
    roundsMax: Math.max(1, Math.floor(settings.connectionsMax * SHARE_OF_ROUNDS)),
    telling: (partition, told) => {
      const counts = countOutcomes(told);
      const ends = runEnds(told);
      const outcomes = feed.prepare(partition, told);
      return () => {
        metrics.told(counts);
        served.heads.note(ends);
        return feed.publish(partition, outcomes);
      };
    },
  });
  const transport = new ProjectorTransport({
    client: kafka,
    groupId: group,
    topicPrefix: settings.topicPrefix,
    onAssigned: positions.assign,
    onFatal: service.fatal,
    maxBatchRecords: settings.batchRecordsMax,
    maxBatchBytes: settings.batchBytesMax,
    highWaterRecords: settings.queueRecordsMax,
    maxBytesPerPartition: FETCH_BYTES_MAX,
  });
  metrics.watch(() => transport.consumerStatus(), feed, producer);
  health.add(TOPICS.runs.name, () => consumerCheck(transport.consumerStatus()));

  const app = await NestFactory.createMicroservice<MicroserviceOptions>(
    ProjectorModule.with(projector, new NexusProjector(parts), metrics),
    {
      strategy: transport,
      logger: new NestLogger(logger),
    },
  );
  await app.listen();
  const stopRetention = keepKeysFor(pool, settings.idempotencyHours, logger);
  served.begin();
  return async () => {
    await app.close();
    await served.close();
    await feed.flush();
    await producer.close();
    stopRetention();
    await pool.end();
    await admin.close();
  };
}

/** Waits for PostgreSQL as long as it takes; a role that must not be used ends the process at once. */
async function restricted({ logger, health }: Service<ProjectorSettings>, pool: pg.Pool): Promise<void> {
  await persist(() => assertRestricted(pool, 'runspine_projector'), {
    isFinal: (error) => error instanceof RoleRefused || health.draining,
    onFault: (error, waitMs) => logger.warn({ err: error, wait_ms: waitMs }, 'PostgreSQL does not answer yet'),
  });
}
