import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SpaceKey } from '@runspine/contracts';
import type { DocumentChange } from './document-change.js';
import { commitRowId, readChain } from './commit-chain.js';
import { COMMIT_INDEX, type SpaceEmbedding } from './space-schema.js';
import { countStatistics } from './space-statistics.js';
import { SpaceStore, type SpaceStoreOptions } from './space-store.js';

export const EMBEDDING: SpaceEmbedding = { model: 'hash-8', dimension: 8 };

/** Temporary roots and stores of a test file; `clean` closes and removes them. */
export class TestSpaces {
  readonly #roots: string[] = [];
  readonly #stores: SpaceStore[] = [];

  async root(): Promise<string> {
    const root = await mkdtemp(join(tmpdir(), 'runspine-spaces-'));
    this.#roots.push(root);
    return root;
  }

  store(root: string, options?: SpaceStoreOptions): SpaceStore {
    const store = new SpaceStore(async () => ({ uri: root }), options);
    this.#stores.push(store);
    return store;
  }

  async clean(): Promise<void> {
    for (const store of this.#stores.splice(0)) await store.close();
    for (const root of this.#roots.splice(0)) await rm(root, { recursive: true, force: true });
  }
}

export function spaceKey(spaceId = 'notes', tenantId = 'acme'): SpaceKey {
  return { scope: 'tenant', tenantId, env: 'test', projectId: 'default', surfaceId: 'default', spaceId };
}

/** A change of a document with these texts as chunks. */
export function change(documentId: string, sourceOffset: number, ...texts: string[]): DocumentChange {
  const chunks = texts.map((text, at) => ({ text, vector: vectorOf(text), metadata: { at, length: text.length } }));
  return {
    documentId,
    sourceOffset,
    type: 'note',
    sourceUri: `test:${documentId}`,
    occurredAt: '2026-01-02T03:04:05.678Z',
    chunks,
  };
}

export function vectorOf(text: string, dimension = EMBEDDING.dimension): Float32Array {
  const vector = new Float32Array(dimension);
  for (let at = 0; at < text.length; at++) vector[(text.charCodeAt(at) * 7 + at) % dimension]! += 1;
  vector[0]! += 0.5;
  return vector;
}

/** id → text of the live chunks and, as undefined, of tombstones, at the newest version. */
export async function contents(store: SpaceStore, key = spaceKey()): Promise<Map<string, string | undefined>> {
  const space = await store.open(key);
  if (!space) return new Map();
  const rows = await space.table
    .query()
    .where(`chunk_index > ${COMMIT_INDEX}`)
    .select(['id', 'text', 'tombstone'])
    .toArray();
  space.release();
  const found = new Map<string, string | undefined>();
  for (const row of rows as { id: string; text: string | null; tombstone: boolean }[]) {
    if (found.has(row.id)) throw new Error(`twice: ${row.id}`);
    found.set(row.id, row.tombstone ? undefined : (row.text ?? undefined));
  }
  return new Map([...found].sort());
}

/** The statistics that the store answers, and the same counted from the chunks, of the newest version. */
export async function statisticsAndRecount(
  store: SpaceStore,
  key = spaceKey(),
): Promise<{ kept: unknown; counted: unknown; commits: string[] }> {
  const space = await store.open(key);
  if (!space) throw new Error('no such space');
  try {
    const { documents, chunks, tokens, terms } = await countStatistics(space.table);
    const others = ['never', 'occurs'];
    const frequencies = await space.statistics.documentFrequency([...terms.keys(), ...others]);
    return {
      kept: {
        documents: space.documents,
        chunks: space.statistics.chunks,
        tokens: space.statistics.tokens,
        terms: frequencies,
      },
      counted: {
        documents,
        chunks,
        tokens,
        terms: new Map([...terms, ...others.filter((term) => !terms.has(term)).map((term) => [term, 0] as const)]),
      },
      commits: (await readChain(space.table)).map(commitRowId),
    };
  } finally {
    space.release();
  }
}
