import { routeSettings } from '@runspine/routing';
import {
  choiceSetting,
  coreSettings,
  defineSettings,
  hexSecretSetting,
  integerSetting,
  type SettingsOf,
  stringSetting,
} from '@runspine/service';
import { sweepSettings } from './blobs/settings.js';
import { embedderSettings } from './embedding/settings.js';
import { ingestSettings } from './ingest/settings.js';
import { rerankerSettings } from './query/rerankers/settings.js';

const MIB = 1024 * 1024;
const DAY_MS = 24 * 3600 * 1000;

/** Settings of nexus. */
export const nexusSettings = defineSettings({
  ...coreSettings,
  ...embedderSettings,
  ...rerankerSettings,
  ...ingestSettings,
  ...routeSettings,
  ...sweepSettings,
  host: stringSetting({
    name: 'RUNSPINE_NEXUS_HOST',
    doc: 'Address that nexus listens on; only the gateway calls it.',
    default: '127.0.0.1',
  }),
  port: integerSetting({
    name: 'RUNSPINE_NEXUS_PORT',
    doc: 'Port of nexus; 0 takes a free one.',
    default: 8082,
    min: 0,
    max: 65_535,
  }),
  authMode: choiceSetting({
    name: 'RUNSPINE_AUTH_MODE',
    doc: 'How callers are told apart. development believes their headers, and listens on this machine only.',
    choices: ['development'],
    default: 'development',
  }),
  signingKey: hexSecretSetting({
    name: 'RUNSPINE_SIGNING_KEY',
    doc: 'Key that signs cursors and snapshots.',
    bytesMin: 32,
  }),
  partitions: integerSetting({
    name: 'RUNSPINE_PARTITIONS',
    doc: 'Partitions of the nexus topic. Never changes in the life of a topic.',
    default: 4,
    min: 1,
    max: 1000,
  }),
  postgresConnectionsMax: integerSetting({
    name: 'RUNSPINE_NEXUS_POSTGRES_CONNECTIONS',
    doc: 'Connections to PostgreSQL, which has routes and positions.',
    default: 4,
    min: 2,
    max: 50,
  }),
  cacheBytes: integerSetting({
    name: 'RUNSPINE_NEXUS_CACHE_BYTES',
    doc: "Each of LanceDB's two caches (indexes, metadata), all spaces together.",
    unit: 'bytes',
    default: 256 * MIB,
    min: MIB,
    max: 64 * 1024 * MIB,
  }),
  handlesMax: integerSetting({
    name: 'RUNSPINE_NEXUS_HANDLES',
    doc: 'Spaces that are kept open, and pinned versions likewise.',
    default: 256,
    min: 8,
    max: 10_000,
  }),
  statisticsBytesMax: integerSetting({
    name: 'RUNSPINE_NEXUS_STATISTICS_BYTES',
    doc: 'Term statistics in memory, all spaces together.',
    unit: 'bytes',
    default: 128 * MIB,
    min: MIB,
    max: 16 * 1024 * MIB,
  }),
  keepMs: integerSetting({
    name: 'RUNSPINE_NEXUS_KEEP_MS',
    doc: 'How long versions of a space are kept for cursors and snapshots.',
    unit: 'ms',
    default: 7 * DAY_MS,
    min: 60_000,
    max: 365 * DAY_MS,
  }),
  answersMax: integerSetting({
    name: 'RUNSPINE_NEXUS_ANSWERS',
    doc: 'Answers of remote embedders and rerankers that are kept for snapshots, for each folder of spaces.',
    default: 20_000,
    min: 100,
    max: 1_000_000,
  }),
});

export type NexusSettings = SettingsOf<typeof nexusSettings>;
