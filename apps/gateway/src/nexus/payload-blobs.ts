import type { BlobOwner } from '@runspine/blobs';
import type { BlobStore } from '@runspine/blobs';

/** Gives the blob store that serves an owner. */
export interface PayloadBlobs {
  /** @throws ServiceError `nexus_blob_store.missing_route`, `nexus_blob_store.unavailable`, `store.unavailable` */
  of(owner: BlobOwner): Promise<Pick<BlobStore, 'putBytes' | 'exists'>>;
}

/** {@link PayloadBlobs}. */
export const PAYLOAD_BLOBS = Symbol('payload blobs');
