import { DOCUMENT_CHUNKS_MAX } from '@runspine/contracts';
import { integerSetting } from '@runspine/service';

const MIB = 1024 * 1024;

/** Settings of ingest. */
export const ingestSettings = {
  commitMs: integerSetting({
    name: 'RUNSPINE_NEXUS_COMMIT_MS',
    doc: 'A space is committed no more often than that; what arrives meanwhile is one commit.',
    unit: 'ms',
    default: 1000,
    min: 0,
    max: 60_000,
  }),
  commitBytes: integerSetting({
    name: 'RUNSPINE_NEXUS_COMMIT_BYTES',
    doc: 'Texts and vectors that are committed without waiting for more.',
    unit: 'bytes',
    default: 32 * MIB,
    min: 64 * 1024,
    max: 1024 * MIB,
  }),
  heldBytesMax: integerSetting({
    name: 'RUNSPINE_NEXUS_HELD_BYTES',
    doc: 'Texts and vectors of all spaces that wait to be committed; beyond, each is committed at once.',
    unit: 'bytes',
    default: 128 * MIB,
    min: MIB,
    max: 4096 * MIB,
  }),
  taskRetryMs: integerSetting({
    name: 'RUNSPINE_NEXUS_TASK_RETRY_MS',
    doc: 'How long an embedder, a blob store or a store that fails is tried again before tasks fail.',
    unit: 'ms',
    default: 300_000,
    min: 0,
    max: 3_600_000,
  }),
  preparingMax: integerSetting({
    name: 'RUNSPINE_NEXUS_INGEST_CONCURRENCY',
    doc: 'Documents that are fetched or embedded at once, and commits that are written at once.',
    default: 4,
    min: 1,
    max: 64,
  }),
  tasksMax: integerSetting({
    name: 'RUNSPINE_NEXUS_TASKS',
    doc: 'Tasks of a partition in work at once.',
    default: 500,
    min: 1,
    max: 100_000,
  }),
  taskBytesMax: integerSetting({
    name: 'RUNSPINE_NEXUS_TASK_BYTES',
    doc: 'Bytes of requests of a partition in work at once.',
    unit: 'bytes',
    default: 16 * MIB,
    min: MIB,
    max: 1024 * MIB,
  }),
  textBytesMax: integerSetting({
    name: 'RUNSPINE_NEXUS_DOCUMENT_BYTES',
    doc: 'Largest text of a document.',
    unit: 'bytes',
    default: 16 * MIB,
    min: 1024,
    max: 64 * MIB,
  }),
  chunksMax: integerSetting({
    name: 'RUNSPINE_NEXUS_DOCUMENT_CHUNKS',
    doc: 'Most chunks of a document.',
    default: 20_000,
    min: DOCUMENT_CHUNKS_MAX,
    max: 1_000_000,
  }),
} as const;
