/** What is fixed of a topic: its name and how long and how large. Partitions and replication are settings. */
export interface TopicContract {
  readonly name: string;
  readonly retentionMs: number;
  readonly maxMessageBytes: number;
  readonly description: string;
  readonly key: string;
}

const DAY_MS = 24 * 3600 * 1000;
const MIB = 1024 * 1024;

/** Largest record of a source topic, in bytes: data, headers and room to spare. */
export const RECORD_BYTES_MAX = MIB;

/** Largest batch of a source topic once it is unpacked, in bytes: far more than its producers compress together. */
export const UNPACKED_BYTES_MAX = 64 * MIB;

/**
 * Most records of a batch of a source topic; kafkajs reads some 120,000 and fails at more. Real events are fewer in a MiB,
 * however compressed: each has an id and times of its own.
 */
export const BATCH_RECORDS_MAX = 65_536;

/** The topics, by role. `RUNSPINE_TOPIC_PREFIX` goes before each name where brokers are shared. */
export const TOPICS = {
  runs: {
    name: 'runspine.runs.v1',
    retentionMs: 7 * DAY_MS,
    maxMessageBytes: RECORD_BYTES_MAX,
    key: 'tenant/affinity',
    description: 'run.* and step.* events, as submitted. PostgreSQL keeps the history.',
  },
  nexus: {
    name: 'runspine.nexus.v1',
    retentionMs: 7 * DAY_MS,
    maxMessageBytes: RECORD_BYTES_MAX,
    key: "the space's path, or tenant/env/correlation",
    description: 'nexus.* events.',
  },
  kpi: {
    name: 'runspine.kpi.v1',
    retentionMs: 7 * DAY_MS,
    maxMessageBytes: RECORD_BYTES_MAX,
    key: 'tenant/metric',
    description: 'kpi.measured events.',
  },
  feed: {
    name: 'runspine.feed.v1',
    retentionMs: 3600 * 1000,
    maxMessageBytes: 2 * MIB,
    key: 'as its source',
    description: 'The outcome of each runs event: applied with its sequences, rejected with its reason, or parked.',
  },
  deadLetter: {
    name: 'runspine.dead-letter.v1',
    retentionMs: 30 * DAY_MS,
    maxMessageBytes: 2 * MIB,
    key: 'as its source',
    description: 'Records that no retry can make readable, raw, with source, code and time as headers.',
  },
  audit: {
    name: 'runspine.audit.v1',
    retentionMs: 3650 * DAY_MS,
    maxMessageBytes: MIB,
    key: 'tenant',
    description: "Signed heads of journals: a run's at its end, a tenant's once a day. They show that a tail was cut.",
  },
} as const satisfies Record<string, TopicContract>;

export type TopicRole = keyof typeof TOPICS;

/** The topic's name on a broker, after the prefix of this installation (empty by default). */
export function topicName(role: TopicRole, prefix = ''): string {
  return `${prefix}${TOPICS[role].name}`;
}
