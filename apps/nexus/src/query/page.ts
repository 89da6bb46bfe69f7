import type { NexusHit } from '@runspine/contracts';
import type { PinnedSpace } from '../spaces/pinned-space.js';
import { COLUMN, LIVE } from '../spaces/space-schema.js';
import type { Candidate } from './candidates.js';
import { eachRow } from './columns.js';
import type { Include } from './query-plan.js';
import { RowCache, type RowReader } from './row-cache.js';
import type { Source } from './sources.js';
import { type VectorRow, vectorsOf } from './vector-search.js';

/** What a hit shows of a chunk. */
export interface PageRow {
  readonly text: string;
  /** JSON text. */
  readonly metadata: string | null;
  readonly type: string | null;
  readonly sourceUri: string | null;
  /** Milliseconds. */
  readonly occurredAt: number | null;
}

export function pageRowCache(bytesMax: number): RowCache<PageRow> {
  return new RowCache(
    bytesMax,
    ({ text, metadata, sourceUri }) => 2 * (text.length + (metadata?.length ?? 0) + (sourceUri?.length ?? 0)) + 150,
  );
}

/** The hits of one page with all that was asked to come back: only here are texts read. */
export async function readPage(
  page: readonly Candidate[],
  sources: readonly Source[],
  include: ReadonlySet<Include>,
  caches: { readonly page: RowCache<PageRow>; readonly vector: RowCache<VectorRow> },
): Promise<NexusHit[]> {
  const [rows, vectors] = await Promise.all([
    rowsOf(page, sources, caches.page, pageRowsOf),
    include.has('vector') ? rowsOf(page, sources, caches.vector, vectorsOf) : undefined,
  ]);
  return page.map((candidate, at) => {
    const { text, metadata, type, sourceUri, occurredAt } = rows[at] as PageRow;
    return {
      id: candidate.id,
      // Of a chunk's id all but its index.
      document_id: candidate.id.slice(0, candidate.id.lastIndexOf('#')),
      score: candidate.score,
      source_scope: (sources[candidate.source] as Source).scope,
      type,
      source_uri: sourceUri,
      occurred_at: occurredAt === null ? null : new Date(occurredAt).toISOString(),
      ...(include.has('text') && { text }),
      ...(include.has('metadata') && { metadata: metadata === null ? null : metadataOf(metadata) }),
      ...(vectors && { vector: [...(vectors[at] as VectorRow).vector] }),
    };
  });
}

/** The texts of candidates, in their order. */
export async function readTexts(
  candidates: readonly Candidate[],
  sources: readonly Source[],
  cache: RowCache<PageRow>,
): Promise<string[]> {
  return (await rowsOf(candidates, sources, cache, pageRowsOf)).map(({ text }) => text);
}

/** A row of each candidate, in their order. */
async function rowsOf<Row>(
  candidates: readonly Candidate[],
  sources: readonly Source[],
  cache: RowCache<Row>,
  reader: (space: PinnedSpace) => RowReader<Row>,
): Promise<Row[]> {
  const bySource = await Promise.all(
    sources.map(({ space }, source) => {
      const rowIds = candidates.filter((candidate) => candidate.source === source).map(({ rowId }) => rowId);
      return cache.rows(space.table, rowIds, reader(space));
    }),
  );
  const next = sources.map(() => 0);
  return candidates.map(({ source }) => bySource[source]?.[(next[source] as number)++] as Row);
}

function pageRowsOf({ table, rows }: PinnedSpace): RowReader<PageRow> {
  return {
    read: async (missing) => rowsIn(await table.takeRowIds(missing).select(COLUMNS).withRowId().toArrow()),
    all: {
      count: rows,
      async *read() {
        for await (const batch of table.query().where(LIVE).select(COLUMNS).withRowId()) {
          yield rowsIn({ batches: [batch] });
        }
      },
    },
  };
}

const COLUMNS = [COLUMN.text, COLUMN.metadata, COLUMN.type, COLUMN.sourceUri, COLUMN.occurredAt];

function rowsIn(found: Parameters<typeof eachRow>[0]): Map<number, PageRow> {
  const rows = new Map<number, PageRow>();
  eachRow(found, COLUMNS, (at, rowId, columns) => {
    const [text, metadata, type, sourceUri, occurredAt] = columns.map((column) => column.get(at));
    rows.set(rowId, {
      text: text as string,
      metadata: metadata as string | null,
      type: type as string | null,
      sourceUri: sourceUri as string | null,
      occurredAt: occurredAt === null ? null : Number(occurredAt),
    });
  });
  return rows;
}

function metadataOf(json: string): Record<string, unknown> {
  return JSON.parse(json) as Record<string, unknown>;
}
