import type { BlobBackend, BlobRoute } from './blob-backend.js';
import type { BlobOwner } from './blob-reference.js';
import { BlobStore } from './blob-store.js';
import { storeFault } from './store-fault.js';

/** Stores that are kept open at once; the one that was used longest ago goes first. */
const BACKENDS_MAX = 64;

/**
 * The blobs of one owner in the store of a route. The client of a kind of store is loaded when the first route of that
 * kind is opened. A process that opens many keeps a {@link BlobStores}.
 * @throws ServiceError `nexus_blob_store.unavailable` where the options make no client.
 */
export async function openBlobStore({ owner, ...route }: BlobRoute & { owner: BlobOwner }): Promise<BlobStore> {
  return new BlobStore(await openBackend(route), owner);
}

/** Opens stores, and keeps the connections of each for the next who is served by the same route. */
export class BlobStores {
  private readonly backends = new Map<string, Promise<BlobBackend>>();

  /** @throws ServiceError `nexus_blob_store.unavailable` where the options make no client. */
  async open(route: BlobRoute, owner: BlobOwner): Promise<BlobStore> {
    return new BlobStore(await this.backendOf(route), owner);
  }

  /** Lets all connections go. */
  async close(): Promise<void> {
    const backends = [...this.backends.values()];
    this.backends.clear();
    for (const backend of await Promise.allSettled(backends)) {
      if (backend.status === 'fulfilled') backend.value.close();
    }
  }

  private backendOf(route: BlobRoute): Promise<BlobBackend> {
    const key = JSON.stringify([route.uri, Object.entries(route.options).sort()]);
    const backend = this.backends.get(key) ?? openBackend(route);
    this.backends.delete(key);
    this.backends.set(key, backend);
    backend.catch(() => this.backends.delete(key));
    // Not closed: somebody may be at work with it. Its idle connections end by themselves.
    for (const [oldest] of this.backends) {
      if (this.backends.size <= BACKENDS_MAX) break;
      this.backends.delete(oldest);
    }
    return backend;
  }
}

export async function openBackend(route: BlobRoute): Promise<BlobBackend> {
  try {
    return await makeBackend(route);
  } catch (error) {
    throw storeFault(error);
  }
}

async function makeBackend(route: BlobRoute): Promise<BlobBackend> {
  const scheme = route.uri.slice(0, route.uri.indexOf('://'));
  switch (scheme) {
    case 'file':
      return new (await import('./local-backend.js')).LocalBackend(route);
    case 's3':
      return new (await import('./s3-backend.js')).S3Backend(route);
    case 'gs':
      return new (await import('./gcs-backend.js')).GcsBackend(route);
    case 'az':
      return new (await import('./azure-backend.js')).AzureBackend(route);
    default:
      throw new Error(`no store has addresses of the form ${scheme.slice(0, 20)}://`);
  }
}
