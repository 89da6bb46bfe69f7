import { integerSetting } from '@runspine/service';

const HOUR_MS = 3_600_000;

/** Settings of the sweep of blobs. */
export const sweepSettings = {
  sweepMs: integerSetting({
    name: 'RUNSPINE_BLOB_SWEEP_MS',
    doc: 'How often old blobs are looked for, in every store that a route leads to. 0: never, by this process.',
    unit: 'ms',
    default: 6 * HOUR_MS,
    min: 0,
    max: 7 * 24 * HOUR_MS,
  }),
  blobHours: integerSetting({
    name: 'RUNSPINE_BLOB_HOURS',
    doc: 'How long blobs are kept, which is longer than the events that name them.',
    unit: 'h',
    default: 192,
    min: 168,
    max: 87_600,
  }),
  sweepRemovedMax: integerSetting({
    name: 'RUNSPINE_BLOB_SWEEP_REMOVED',
    doc: 'Most blobs that one sweep of a store removes; the next one goes on.',
    default: 10_000,
    min: 1,
    max: 1_000_000,
  }),
} as const;
