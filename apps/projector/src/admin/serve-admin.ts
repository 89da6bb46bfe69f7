import type { KeyObject } from 'node:crypto';
import { topicName } from '@runspine/contracts';
import type { BatchingProducer, KafkaClient } from '@runspine/kafka';
import { HeadSigner, HeadStore } from '@runspine/projections/audit';
import { openPool } from '@runspine/projections/journal';
import { developmentAuthenticator } from '@runspine/request-context';
import type { AdminServer, Service } from '@runspine/service';
import type pg from 'pg';
import { Audits } from '../audit/audits.js';
import { HeadKeeper } from '../audit/head-keeper.js';
import type { ProjectorSettings } from '../config.js';
import { DeadLetters } from '../dead-letters/dead-letters.js';
import { giveUpLostRuns } from '../lost-runs/lost-runs.js';
import { Rebuilds } from '../rebuild/rebuilds.js';
import { AdminJobs } from './admin-jobs.js';
import { adminRoutes } from './admin-routes.js';

export interface AdminOptions {
  service: Service<ProjectorSettings>;
  admin: AdminServer;
  pool: pg.Pool;
  kafka: KafkaClient;
  producer: BatchingProducer;
  journalKey: KeyObject;
}

/** What the projector does beside projecting: administration, signed heads, lost runs. */
export interface ServedAdmin {
  readonly heads: HeadKeeper;
  /** Once batches are consumed. */
  begin(): void;
  close(): Promise<void>;
}

/** Statements of administration walk whole tables. */
const STATEMENT_MS_MAX = 3600 * 1000;
const CONNECTIONS_MAX = 4;

/** Wires it, and answers its routes from now on. */
export function serveAdmin({ service, admin, pool, kafka, producer, journalKey }: AdminOptions): ServedAdmin {
  const { settings, logger } = service;
  const { topicPrefix, partitions, instance } = settings;
  const signer = new HeadSigner(journalKey);
  // Beside the pool of the projection, which must never wait for this.
  const slowPool = openPool({
    databaseUrl: settings.databaseUrl,
    role: 'runspine_projector',
    connectionsMax: CONNECTIONS_MAX,
    statementTimeoutMs: STATEMENT_MS_MAX,
    idleInTransactionMs: 60_000,
    applicationName: `${instance}-admin`,
  });
  const store = new HeadStore(slowPool, signer);
  const auditTopic = topicName('audit', topicPrefix);
  const heads = new HeadKeeper({ store, signer, producer, topic: auditTopic, partitions, logger });
  const jobs = new AdminJobs({ pool, instance, keptDays: settings.adminJobsDays, logger });
  const runsTopic = topicName('runs', topicPrefix);
  const groupPrefix = `${topicPrefix}runspine-admin`;
  const audits = new Audits({
    kafka,
    topic: auditTopic,
    groupPrefix,
    pool: slowPool,
    store,
    signer,
    journalKey,
    logger,
  });
  const routes = adminRoutes({
    authenticator: developmentAuthenticator,
    jobs,
    audits,
    rebuilds: new Rebuilds(slowPool, runsTopic, logger),
    deadLetters: new DeadLetters(kafka, topicName('deadLetter', topicPrefix), groupPrefix),
    producer,
    sources: new Set([runsTopic, topicName('nexus', topicPrefix), topicName('kpi', topicPrefix)]),
  });
  admin.handle(routes);
  let stopLooking = () => {};
  return {
    heads,
    begin: () => {
      heads.start();
      void jobs.begin().catch((error: unknown) => logger.warn({ err: error }, 'interrupted jobs are marked later'));
      const { lostAfterS: afterS, lostEveryS: everyS } = settings;
      stopLooking = giveUpLostRuns({ pool, producer, topic: runsTopic, partitions, afterS, everyS, logger });
    },
    close: async () => {
      stopLooking();
      await jobs.close();
      await heads.close();
      await slowPool.end();
    },
  };
}
