import { Inject, Injectable } from '@nestjs/common';
import { type BlobOwner, type BlobStore, BlobStores } from '@runspine/blobs';
import { RouteTable } from '@runspine/routing';
import type { PayloadBlobs } from './payload-blobs.js';

/** The blobs of an owner, where the owner's route has them. */
@Injectable()
export class OwnersBlobs implements PayloadBlobs {
  constructor(
    @Inject(RouteTable) private readonly routes: RouteTable,
    @Inject(BlobStores) private readonly stores: BlobStores,
  ) {}

  /**
   * @throws ServiceError `nexus_blob_store.missing_route`, `nexus_route.secret_missing`, `nexus_blob_store.unavailable`;
   * `store.unavailable` before routes were read once.
   */
  of(owner: BlobOwner): Promise<BlobStore> {
    return this.stores.open(this.routes.require('nexus_blob_store', owner), owner);
  }
}
