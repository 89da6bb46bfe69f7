import type { NexusHit } from '@runspine/contracts';
import { COLUMN } from '../spaces/space-schema.js';
import type { Candidate } from './candidates.js';
import { eachRow } from './columns.js';
import type { Include } from './query-plan.js';
import type { Source } from './sources.js';

const ALWAYS = [COLUMN.type, COLUMN.sourceUri, COLUMN.occurredAt];

/** The hits of one page with all that was asked to come back: only here are texts read. */
export async function readPage(
  page: readonly Candidate[],
  sources: readonly Source[],
  include: ReadonlySet<Include>,
): Promise<NexusHit[]> {
  const columns: string[] = [...ALWAYS];
  for (const name of ['text', 'metadata', 'vector'] as const) if (include.has(name)) columns.push(COLUMN[name]);
  const rows = await readRows(page, sources, columns);
  return page.map((candidate) => {
    const row = rows.get(placeOf(candidate));
    if (row === undefined) throw new Error('a pinned version lost a row that it had proposed');
    const occurredAt = row[COLUMN.occurredAt] as number | bigint | null;
    return {
      id: candidate.id,
      // Of a chunk's id all but its index: each column that is read costs as much as a row of all.
      document_id: candidate.id.slice(0, candidate.id.lastIndexOf('#')),
      score: candidate.score,
      source_scope: (sources[candidate.source] as Source).scope,
      type: row[COLUMN.type] as string | null,
      source_uri: row[COLUMN.sourceUri] as string | null,
      occurred_at: occurredAt === null ? null : new Date(Number(occurredAt)).toISOString(),
      ...(include.has('text') && { text: row[COLUMN.text] as string }),
      ...(include.has('metadata') && { metadata: metadataOf(row[COLUMN.metadata] as string | null) }),
      ...(include.has('vector') && { vector: [...(row[COLUMN.vector] as Iterable<number>)] }),
    };
  });
}

/** The texts of candidates, in their order. */
export async function readTexts(candidates: readonly Candidate[], sources: readonly Source[]): Promise<string[]> {
  const rows = await readRows(candidates, sources, [COLUMN.text]);
  return candidates.map((candidate) => rows.get(placeOf(candidate))?.[COLUMN.text] as string);
}

type Row = Record<string, unknown>;

function placeOf({ source, rowId }: Pick<Candidate, 'source' | 'rowId'>): string {
  return `${source} ${rowId}`;
}

async function readRows(candidates: readonly Candidate[], sources: readonly Source[], columns: readonly string[]) {
  const rows = new Map<string, Row>();
  await Promise.all(
    sources.map(async ({ space }, source) => {
      const rowIds = candidates.filter((candidate) => candidate.source === source).map(({ rowId }) => rowId);
      if (rowIds.length === 0) return;
      const found = await space.table
        .takeRowIds(rowIds)
        .select([...columns])
        .withRowId()
        .toArrow();
      eachRow(found, columns, (at, rowId, values) => {
        const row: Row = {};
        columns.forEach((name, index) => (row[name] = values[index]?.get(at)));
        rows.set(placeOf({ source, rowId }), row);
      });
    }),
  );
  return rows;
}

function metadataOf(json: string | null): Record<string, unknown> | null {
  return json === null ? null : (JSON.parse(json) as Record<string, unknown>);
}
