export type { BlobRoute } from './blob-backend.js';
export { blobUri, BLOBS_FOLDER, isBlobKey, newBlobKey, parseBlobUri, type BlobOwner } from './blob-reference.js';
export { BLOB_BYTES_MAX, BlobStore, type BlobBounds, type StoredBlob } from './blob-store.js';
export type { BlobSource } from './measured-bytes.js';
export { BlobStores, openBlobStore } from './open-blob-store.js';
export { BLOB_AGE_MS_MAX, sweepBlobs, type SweepOptions, type Swept } from './sweep-blobs.js';
