import {
  coreSettings,
  defineSettings,
  hexSecretSetting,
  integerSetting,
  type SettingsOf,
  stringSetting,
} from '@runspine/service';

/** Settings that creating topics needs, too. */
export const topicSettings = {
  partitions: integerSetting({
    name: 'RUNSPINE_PARTITIONS',
    doc: 'Partitions of each topic. Never changes in the life of a topic.',
    default: 4,
    min: 1,
    max: 1000,
  }),
  replication: integerSetting({
    name: 'RUNSPINE_REPLICATION',
    doc: 'Replicas of each topic, when they are created.',
    default: 1,
    min: 1,
    max: 10,
  }),
} as const;

/** Settings of the projector. */
export const projectorSettings = defineSettings({
  ...coreSettings,
  ...topicSettings,
  host: stringSetting({ name: 'RUNSPINE_PROJECTOR_HOST', doc: 'Address of health and metrics.', default: '127.0.0.1' }),
  port: integerSetting({
    name: 'RUNSPINE_PROJECTOR_PORT',
    doc: 'Port of health and metrics; 0 takes a free one.',
    default: 8081,
    min: 0,
    max: 65_535,
  }),
  journalKey: hexSecretSetting({
    name: 'RUNSPINE_JOURNAL_KEY',
    doc: "Key of the journal's hash chain.",
    bytesMin: 32,
  }),
  batchRecordsMax: integerSetting({
    name: 'RUNSPINE_BATCH_RECORDS',
    doc: 'Most records that one transaction applies.',
    default: 500,
    min: 1,
    max: 10_000,
  }),
  batchBytesMax: integerSetting({
    name: 'RUNSPINE_BATCH_BYTES',
    doc: 'Most bytes of records that one transaction applies.',
    unit: 'bytes',
    default: 4 * 1024 * 1024,
    min: 1024,
    max: 64 * 1024 * 1024,
  }),
  queueRecordsMax: integerSetting({
    name: 'RUNSPINE_QUEUE_RECORDS',
    doc: 'Records of a partition that wait in memory before it is paused.',
    default: 1000,
    min: 1,
    max: 100_000,
  }),
  recordsInHandMax: integerSetting({
    name: 'RUNSPINE_RECORDS_IN_HAND',
    doc: 'Most records that are decoded, folded and saved at once, over all partitions; the rest wait as bytes.',
    default: 1500,
    min: 1,
    max: 1_000_000,
  }),
  feedLingerMs: integerSetting({
    name: 'RUNSPINE_FEED_LINGER_MS',
    doc: 'How long outcomes may gather for the feed whose waiting gateways PostgreSQL has told already.',
    unit: 'ms',
    default: 20,
    min: 0,
    max: 1000,
  }),
  connectionsMax: integerSetting({
    name: 'RUNSPINE_PROJECTOR_CONNECTIONS',
    doc: 'Connections to PostgreSQL. Three of four at most write batches of runs at a time.',
    default: 8,
    min: 1,
    max: 200,
  }),
  lostAfterS: integerSetting({
    name: 'RUNSPINE_LOST_AFTER_S',
    doc: 'Silence after which an open run is given up: run.failed with the code run.lost. 0: never.',
    unit: 's',
    default: 24 * 3600,
    min: 0,
    max: 365 * 24 * 3600,
  }),
  lostEveryS: integerSetting({
    name: 'RUNSPINE_LOST_SWEEP_S',
    doc: 'How often silent runs are looked for.',
    unit: 's',
    default: 300,
    min: 1,
    max: 24 * 3600,
  }),
  idempotencyHours: integerSetting({
    name: 'RUNSPINE_IDEMPOTENCY_HOURS',
    doc: 'How long an idempotency key is kept.',
    unit: 'h',
    default: 48,
    min: 24,
    max: 24 * 365,
  }),
  adminJobsDays: integerSetting({
    name: 'RUNSPINE_ADMIN_JOBS_DAYS',
    doc: 'How long a job of administration is kept once it ended.',
    unit: 'd',
    default: 90,
    min: 1,
    max: 3650,
  }),
});

export type ProjectorSettings = SettingsOf<typeof projectorSettings>;
