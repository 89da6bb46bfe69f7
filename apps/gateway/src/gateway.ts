import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { topicName } from '@runspine/contracts';
import { partitionCount } from '@runspine/kafka';
import { assertRestricted, RoleRefused } from '@runspine/projections';
import { assertLoopback } from '@runspine/request-context';
import { addressOf, type Drain, NestLogger, persist, type Service } from '@runspine/service';
import { addRequestHooks } from '@runspine/service/http';
import type { AddressInfo } from 'node:net';
import type { GatewaySettings } from './config.js';
import { type CoreParts, makeCoreParts } from './core.module.js';
import { watchParts } from './core-health.js';
import { GatewayModule } from './gateway.module.js';
import { makeAdapter } from './http/fastify-adapter.js';
import { acceptJsonOnly } from './http/json-body.js';
import { OpenRequests } from './http/open-requests.js';
import { openApiDocument, serveDocs } from './http/openapi-document.js';
import { RouteTable } from './http/route-table.js';
import { Uploads } from './http/uploads.js';
import { acceptBlobs } from './nexus/blob-bodies.js';
import { acceptLargeIngests } from './nexus/large-bodies.js';
import { Waits } from './outcomes/waits.js';
import { EventSender } from './runs/event-sender.js';

/** Of the time to drain, how much waits may take; the rest is for streams, the producer and the connections. */
const WAITS_SHARE = 0.6;
/** Headers of answers that a browser's script may read. */
const EXPOSED_HEADERS = [
  'ETag',
  'Location',
  'Retry-After',
  'X-Request-Id',
  'Idempotency-Replayed',
  'Preference-Applied',
  'X-Event-Id',
];

/** The app over its parts, wired and not yet listening. */
export async function createApp(parts: CoreParts): Promise<NestFastifyApplication> {
  const { arrivalMs, uploadBytesPerS, uploadWindowMs, uploadsMax } = parts.settings;
  const bounds = { bytesPerSMin: uploadBytesPerS, windowMs: uploadWindowMs, overtimeMax: uploadsMax };
  const uploads = new Uploads(bounds);
  const adapter = makeAdapter(arrivalMs, uploads);
  const fastify = adapter.getInstance();
  const routes = new RouteTable();
  routes.watch(fastify);
  acceptJsonOnly(fastify);
  acceptLargeIngests(fastify);
  acceptBlobs(fastify);
  uploads.watch(fastify);
  addRequestHooks(fastify, parts);
  const app = await NestFactory.create<NestFastifyApplication>(GatewayModule.of(parts, routes), adapter, {
    logger: new NestLogger(parts.logger),
    bodyParser: false,
    abortOnError: false,
  });
  const { corsOrigins } = parts.settings;
  if (corsOrigins.length > 0) {
    const origin = corsOrigins.includes('*') ? true : [...corsOrigins];
    app.enableCors({
      origin,
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
      exposedHeaders: EXPOSED_HEADERS,
      maxAge: 600,
    });
  }
  serveDocs(app, openApiDocument(app));
  return app;
}

/** Starts the gateway: it listens at once, and is ready when Kafka and PostgreSQL are. Returns what drains it. */
export async function startGateway(service: Service<GatewaySettings>): Promise<Drain> {
  const { settings, logger, health } = service;
  assertLoopback(settings.host);
  const parts = makeCoreParts(service);
  const app = await createApp(parts);
  const sender = app.get(EventSender);
  watchParts(parts, sender);
  const requests = new OpenRequests(app.getHttpServer());
  await listen(app, settings);
  logger.info({ address: addressOf(app.getHttpServer().address() as AddressInfo) }, 'listening');

  const stopping = new AbortController();
  void Promise.all([
    restricted(parts, stopping.signal).catch(service.fatal),
    knowPartitions(parts, sender, stopping.signal),
    parts.feed.start().catch(service.fatal),
    settings.notices ? parts.notices.start() : undefined,
    parts.producer.connect(),
  ]);
  return async () => {
    health.beginDraining();
    stopping.abort();
    await app.get(Waits).drain(settings.drainMs * WAITS_SHARE);
    await requests.during(() => app.close());
    await parts.producer.close();
    await parts.feed.close();
    await parts.notices.close();
    app.get(Waits).close();
    await parts.pool.end();
  };
}

async function listen(app: NestFastifyApplication, { host, port }: GatewaySettings): Promise<void> {
  try {
    await app.listen(port, host);
  } catch (error) {
    if ((error as { code?: string }).code !== 'EADDRINUSE') throw error;
    throw new Error(`Port ${port} of ${host} is taken. Stop what listens there, or set RUNSPINE_PORT to another one.`, {
      cause: error,
    });
  }
}

/** Refuses, for good, a database role that must not be used; waits for a database that is away. */
async function restricted({ pool, logger }: CoreParts, signal: AbortSignal): Promise<void> {
  await persist(() => assertRestricted(pool, 'runspine_gateway'), {
    signal,
    isFinal: (error) => error instanceof RoleRefused,
    onFault: (error, waitMs) => logger.warn({ err: error, wait_ms: waitMs }, 'PostgreSQL does not answer yet'),
  });
}

/** Asks Kafka, until it answers, how many partitions the runs topic has. */
async function knowPartitions(parts: CoreParts, sender: EventSender, signal: AbortSignal): Promise<void> {
  const topic = topicName('runs', parts.settings.topicPrefix);
  const ask = async () => sender.knowPartitions(await parts.kafka.withAdmin((admin) => partitionCount(admin, topic)));
  await persist(ask, {
    signal,
    onFault: (error, waitMs) =>
      parts.logger.warn({ err: error, topic, wait_ms: waitMs }, 'Partitions of the topic unknown, asked again'),
  });
}
