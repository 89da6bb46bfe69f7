import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DocumentChange } from '../../apps/nexus/dist/spaces/document-change.js';
import { SpaceHousekeeping } from '../../apps/nexus/dist/spaces/housekeeping.js';
import { SpaceStore } from '../../apps/nexus/dist/spaces/space-store.js';
import type { SpaceKey } from '@runspine/contracts';
import { type Corpus, DIMENSION } from './nexus-corpus.ts';
import { type Bench, type RunningService, startService, waitUntil } from './servers.ts';

/** Of vectors that come with their texts, as the ingest names it. */
export const EMBEDDING = { model: `custom-${DIMENSION}`, dimension: DIMENSION };
/** On average: texts of one length would all score alike. */
export const WORDS_A_TEXT = 60;

/** The space of this name that is read as tenant `default`, or by everybody. */
export function benchSpace(spaceId: string, scope: SpaceKey['scope'] = 'tenant'): SpaceKey {
  const tenantId = scope === 'tenant' ? 'default' : 't_system';
  return { scope, tenantId, env: 'default', projectId: 'default', surfaceId: 'default', spaceId };
}

/** A folder for spaces, gone at the end. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'runspine-bench-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function storeIn(folder: string, options?: ConstructorParameters<typeof SpaceStore>[1]): SpaceStore {
  return new SpaceStore(async () => ({ uri: folder }), options);
}

/** Documents of one chunk with its vector: what a request with ready vectors brings. */
export function documents(corpus: Corpus, count: number, offset: number): DocumentChange[] {
  return Array.from({ length: count }, (_, at) => ({
    documentId: `doc-${offset}-${at}`,
    sourceOffset: offset,
    type: 'note',
    chunks: [
      {
        text: corpus.text(WORDS_A_TEXT / 2 + corpus.pick(WORDS_A_TEXT)),
        vector: corpus.vector(),
        metadata: { batch: offset, at },
      },
    ],
  }));
}

/** Fills a space in batches of 1,000 and indexes it, as housekeeping does. */
export async function filledSpace(folder: string, key: SpaceKey, rows: number, seed: Corpus): Promise<void> {
  const store = storeIn(folder);
  for (let from = 0, offset = 1; from < rows; from += 1000, offset += 1) {
    await store.commit(key, EMBEDDING, documents(seed, Math.min(1000, rows - from), offset));
  }
  const failed = (_space: string, error: unknown) => {
    throw error;
  };
  await new SpaceHousekeeping(store, { tended: () => undefined, failed }, { fragmentsMax: 1 }).tend(key);
  await store.close();
}

/** A gateway and a nexus whose spaces lie in the folder. */
export interface NexusServices {
  readonly gateway: RunningService;
  readonly nexus: RunningService;
  stop(): Promise<void>;
}

export async function startNexus(bench: Bench, folder: string): Promise<NexusServices> {
  bench.env.RUNSPINE_NEXUS_PORT = '0';
  bench.env.RUNSPINE_ROUTE_FILE_ROOTS = folder;
  const nexus = await startService(bench, 'nexus');
  bench.env.RUNSPINE_NEXUS_URL = nexus.address;
  const gateway = await startService(bench, 'gateway');
  for (const kind of ['nexus_store', 'nexus_blob_store']) await route(gateway.address, kind, folder);
  // Of a tenant without spaces: a list looks at each.
  const probe = () => fetch(`${gateway.address}/nexus/spaces`, { headers: { 'x-tenant-id': 'nobody' } });
  await waitUntil(async () => (await probe()).status === 200, 'the routes to be in force');
  const stop = async () => {
    await gateway.stop();
    await nexus.stop();
  };
  return { gateway, nexus, stop };
}

async function route(gateway: string, kind: string, folder: string): Promise<void> {
  const answer = await fetch(`${gateway}/nexus/routes`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', 'x-tenant-id': 't_system', 'x-roles': 'system' },
    body: JSON.stringify({ kind, tenant_id: '*', env: '*', project_id: '*', uri: pathToFileURL(folder).href }),
  });
  if (!answer.ok) throw new Error(`PUT /nexus/routes answered ${answer.status}: ${await answer.text()}`);
}
