import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TOPICS } from '@runspine/contracts';
import { BatchingProducer, createKafkaClient, type KafkaClient } from '@runspine/kafka';
import { openPool } from '@runspine/projections';
import { type Authenticator, developmentAuthenticator } from '@runspine/request-context';
import { AUTHENTICATOR } from '@runspine/request-context/requires';
import { Health, type Logger, Metrics, type Service } from '@runspine/service';
import type { GatewaySettings } from './config.js';
import { FeedReader } from './outcomes/feed-reader.js';
import { NoticeReader } from './outcomes/notice-reader.js';
import { KAFKA, LOGGER, SETTINGS } from './tokens.js';

/** What the process holds open, made once; nothing connects before it is started or used. */
export interface CoreParts {
  readonly settings: GatewaySettings;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly authenticator: Authenticator;
  readonly kafka: KafkaClient;
  readonly producer: BatchingProducer;
  readonly feed: FeedReader;
  readonly notices: NoticeReader;
  /** For what is asked of PostgreSQL itself: that it answers, and which rights the role has. */
  readonly pool: ReturnType<typeof openPool>;
}

/** Makes the parts of a gateway. */
export function makeCoreParts(service: Omit<Service<GatewaySettings>, 'name'>): CoreParts {
  const { settings, logger, metrics, health, fatal } = service;
  const clientId = `runspine-gateway-${settings.instance}`;
  const kafka = createKafkaClient({ brokers: settings.kafkaBrokers, clientId, logger });
  return {
    settings,
    logger,
    metrics,
    health,
    authenticator: developmentAuthenticator,
    kafka,
    producer: new BatchingProducer({
      client: kafka,
      sendTimeoutMs: settings.sendMs,
      maxQueuedRecords: settings.queuedRecordsMax,
      maxBatchBytes: Math.floor(TOPICS.runs.maxMessageBytes * 0.9),
    }),
    feed: new FeedReader({ client: kafka, topicPrefix: settings.topicPrefix, logger, onFatal: fatal }),
    notices: new NoticeReader({
      database: { databaseUrl: settings.databaseUrl, applicationName: clientId },
      logger,
    }),
    pool: openPool({
      databaseUrl: settings.databaseUrl,
      role: 'runspine_gateway',
      connectionsMax: 1,
      applicationName: clientId,
    }),
  };
}

/** Gives the parts of the process to every module. */
@Global()
@Module({})
export class CoreModule {
  static of(parts: CoreParts): DynamicModule {
    const providers = [
      { provide: SETTINGS, useValue: parts.settings },
      { provide: LOGGER, useValue: parts.logger },
      { provide: AUTHENTICATOR, useValue: parts.authenticator },
      { provide: KAFKA, useValue: parts.kafka },
      { provide: Metrics, useValue: parts.metrics },
      { provide: Health, useValue: parts.health },
      { provide: BatchingProducer, useValue: parts.producer },
      { provide: FeedReader, useValue: parts.feed },
      { provide: NoticeReader, useValue: parts.notices },
    ];
    return { module: CoreModule, providers, exports: providers.map(({ provide }) => provide) };
  }
}
