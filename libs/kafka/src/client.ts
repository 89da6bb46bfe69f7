import type { Admin, Kafka as KafkajsClient, KafkaConfig } from 'kafkajs';
import { registerCodecs } from './compression.js';
import { Kafka, logLevel } from './kafkajs.js';
import { bridgeLog, silentLogger, type KafkaLogger } from './kafkajs-log.js';
import { silenceNegativeTimeoutWarning } from './kafkajs-warning.js';
import { promptSockets } from './sockets.js';

export interface KafkaClientOptions {
  /** host:port each. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** @default a logger that logs nothing */
  readonly logger?: KafkaLogger;
  /** @default 3000 */
  readonly connectionTimeoutMs?: number;
  /** How long a request may take before its connection counts as broken. @default 15000 */
  readonly requestTimeoutMs?: number;
  /** How often kafkajs itself tries an operation again before it gives up. @default 5 */
  readonly retries?: number;
  /** @default 100 */
  readonly retryMinMs?: number;
  /** @default 2000 */
  readonly retryMaxMs?: number;
  /** TLS, SASL, or a factory of sockets, as kafkajs takes them. @default TCP without Nagle's algorithm */
  readonly connection?: Pick<KafkaConfig, 'ssl' | 'sasl' | 'socketFactory'>;
}

/** The brokers that producers, consumers and administration of one process talk to. Holds no connection itself. */
export interface KafkaClient {
  readonly kafka: KafkajsClient;
  readonly logger: KafkaLogger;
  /** Connects, runs `work`, and disconnects. Rejects with kafkajs's error when no broker answers. */
  withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T>;
}

/** Configures kafkajs: bounds, log, codecs. Connects nothing. */
export function createKafkaClient(options: KafkaClientOptions): KafkaClient {
  silenceNegativeTimeoutWarning();
  registerCodecs();
  const logger = options.logger ?? silentLogger;
  const kafka = new Kafka({
    socketFactory: promptSockets,
    ...options.connection,
    brokers: [...options.brokers],
    clientId: options.clientId,
    connectionTimeout: options.connectionTimeoutMs ?? 3000,
    requestTimeout: options.requestTimeoutMs ?? 15_000,
    enforceRequestTimeout: true,
    retry: {
      retries: options.retries ?? 5,
      initialRetryTime: options.retryMinMs ?? 100,
      maxRetryTime: options.retryMaxMs ?? 2000,
    },
    logLevel: logLevel.WARN,
    logCreator: bridgeLog(logger),
  });
  return {
    kafka,
    logger,
    async withAdmin(work) {
      const admin = kafka.admin();
      await admin.connect();
      try {
        return await work(admin);
      } finally {
        await admin.disconnect().catch(() => undefined);
      }
    },
  };
}
