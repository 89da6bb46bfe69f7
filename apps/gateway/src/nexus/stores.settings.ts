import { routeSettings, routeWriteSettings } from '@runspine/routing';
import { integerSetting } from '@runspine/service';

/** Settings of routes, and of the blobs that callers send. */
export const storesSettings = {
  ...routeSettings,
  ...routeWriteSettings,
  blobBytesMax: integerSetting({
    name: 'RUNSPINE_BLOB_BYTES',
    doc: 'Largest blob that POST /nexus/blobs takes.',
    unit: 'bytes',
    default: 268_435_456,
    min: 1,
    max: 5_368_709_120,
  }),
  uploadsMax: integerSetting({
    name: 'RUNSPINE_UPLOADS_MAX',
    doc: 'Blobs that may be on their way at once, each up to 32 MiB of memory; more are answered 503. As many uploads may take longer than RUNSPINE_ARRIVAL_MS.',
    default: 16,
    min: 1,
    max: 1000,
  }),
  uploadBytesPerS: integerSetting({
    name: 'RUNSPINE_UPLOAD_BYTES_PER_S',
    doc: 'Least bytes a second that a blob or an ingest brings, over each RUNSPINE_UPLOAD_WINDOW_MS; a slower one is answered 408.',
    default: 8192,
    min: 1,
    max: 1_073_741_824,
  }),
  uploadWindowMs: integerSetting({
    name: 'RUNSPINE_UPLOAD_WINDOW_MS',
    doc: 'Over how long the speed of an upload is measured; how long one may stand still.',
    unit: 'ms',
    default: 20_000,
    min: 100,
    max: 600_000,
  }),
} as const;
