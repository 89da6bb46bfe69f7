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
    doc: 'Blobs that may be on their way at once; each takes up to 32 MiB of memory. More are answered 503.',
    default: 16,
    min: 1,
    max: 1000,
  }),
} as const;
