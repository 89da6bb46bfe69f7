import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { BlobStores } from '@runspine/blobs';
import type { RouteTable } from '@runspine/routing';
import { TOPICS, topicName } from '@runspine/contracts';
import { BatchingProducer, createKafkaClient } from '@runspine/kafka';
import { assertLoopback, developmentAuthenticator } from '@runspine/request-context';
import {
  addressOf,
  consumerCheck,
  Cursors,
  type Drain,
  type Logger,
  NestLogger,
  type Service,
  Signer,
} from '@runspine/service';
import { addRequestHooks } from '@runspine/service/http';
import type { NexusSettings } from './config.js';
import { BlobSweeper } from './blobs/blob-sweeper.js';
import { Embedders } from './embedding/embedders.js';
import { makeAdapter } from './http/server.js';
import { IngestConsumer } from './ingest/ingest-consumer.js';
import { ingestMetrics } from './ingest/ingest-metrics.js';
import { RequestBlobs } from './ingest/request-blobs.js';
import { NexusModule } from './nexus.module.js';
import { AnswerRecords } from './query/answer-records.js';
import { QueryEngine } from './query/query-engine.js';
import { rerankersOf } from './query/rerankers/settings.js';
import { Gate } from './remote/gate.js';
import { openRoutes } from './routes.js';
import { SpaceHousekeeping, type HousekeepingReport } from './spaces/housekeeping.js';
import { SpaceStore } from './spaces/space-store.js';

const HOUR_MS = 3_600_000;

/** Starts nexus: queries are answered and requests consumed as soon as what they need is there. */
export async function startNexus(service: Service<NexusSettings>): Promise<Drain> {
  const { settings, logger, health, metrics } = service;
  assertLoopback(settings.host, 'RUNSPINE_NEXUS_HOST');
  const routes = openRoutes(service);
  const store = openStore(settings, routes.table);
  const housekeeping = new SpaceHousekeeping(store, housekeepingReport(logger), { retentionMs: settings.keepMs });
  const embedders = new Embedders(settings);
  const signer = new Signer(settings.signingKey);
  const engine = new QueryEngine({
    spaces: store,
    records: new AnswerRecords((space) => store.tables.connection(space), {
      keepMs: settings.keepMs,
      recordsMax: settings.answersMax,
    }),
    signer,
    embedderOf: (model) => embedders.of(model),
    rerankerOf: rerankersOf(settings),
  });
  const kafka = createKafkaClient({ brokers: settings.kafkaBrokers, clientId: settings.instance, logger });
  const producer = new BatchingProducer({ client: kafka });
  const blobs = new BlobStores();
  const consumer = new IngestConsumer({
    kafka,
    producer,
    pool: routes.pool,
    topic: topicName('nexus', settings.topicPrefix),
    groupId: `${settings.topicPrefix}runspine-nexus`,
    partitions: settings.partitions,
    parts: {
      store,
      embedderOf: () => embedders.current,
      blobs: requestBlobs(settings, routes.table, blobs),
      preparing: new Gate(settings.preparingMax),
      committing: new Gate(settings.preparingMax),
      held: { bytes: 0 },
      limits: {
        ...settings,
        windowMs: settings.commitMs,
        groupBytes: settings.commitBytes,
        retryMs: settings.taskRetryMs,
      },
      logger,
      ...ingestMetrics(metrics),
    },
    limits: { tasksMax: settings.tasksMax, bytesMax: settings.taskBytesMax },
    metrics,
    onFatal: service.fatal,
  });
  health.add(TOPICS.nexus.name, () => consumerCheck(consumer.status()));

  const sweeper = new BlobSweeper({
    stores: () => routes.table.stores('nexus_blob_store'),
    pool: routes.pool,
    logger,
    metrics,
    everyMs: settings.sweepMs,
    ageMs: settings.blobHours * HOUR_MS,
    removedMax: settings.sweepRemovedMax,
  });
  const adapter = makeAdapter();
  addRequestHooks(adapter.getInstance(), service);
  const parts = {
    logger,
    health,
    metrics,
    authenticator: developmentAuthenticator,
    store,
    engine,
    cursors: new Cursors(signer),
  };
  const app = await NestFactory.create<NestFastifyApplication>(NexusModule.with(parts), adapter, {
    logger: new NestLogger(logger),
    abortOnError: false,
  });
  await app.listen(settings.port, settings.host);
  logger.info({ address: addressOf(app.getHttpServer().address() as AddressInfo) }, 'listening');
  housekeeping.start();
  sweeper.start();
  void consumer.start().catch(service.fatal);
  return async () => {
    await Promise.all([consumer.stop(), app.close()]);
    await Promise.all([housekeeping.stop(), sweeper.stop()]);
    await producer.close();
    await store.close();
    await blobs.close();
    await routes.close();
  };
}

function housekeepingReport(logger: Logger): HousekeepingReport {
  return {
    tended: (tended) => logger.debug({ ...tended }, 'tended a space'),
    failed: (space, error) => logger.warn({ err: error, space }, 'a space could not be tended'),
  };
}

function openStore(settings: NexusSettings, routes: RouteTable): SpaceStore {
  const { cacheBytes, handlesMax, statisticsBytesMax } = settings;
  return new SpaceStore(
    async (folder) => {
      const { uri, options } = await routes.requireFresh('nexus_store', folder);
      return { uri, storageOptions: options };
    },
    { cacheBytes, handlesMax, statisticsBytesMax },
  );
}

function requestBlobs(settings: NexusSettings, routes: RouteTable, blobs: BlobStores): RequestBlobs {
  return new RequestBlobs(async ({ tenant: tenantId, env, project: projectId, key }, bytesMax, signal) => {
    const owner = { tenantId, env, projectId };
    const opened = await blobs.open(await routes.requireFresh('nexus_blob_store', owner), owner);
    return opened.getBytes(key, { bytesMax, signal });
  }, settings.textBytesMax);
}
