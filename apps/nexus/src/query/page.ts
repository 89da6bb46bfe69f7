import type { NexusHit } from '@runspine/contracts';
import { COLUMN } from '../spaces/space-schema.js';
import { type Candidate, keyOf } from './candidates.js';
import { eachRow } from './columns.js';
import type { Include } from './query-plan.js';
import type { Source } from './sources.js';

const ALWAYS = [COLUMN.documentId, COLUMN.type, COLUMN.sourceUri, COLUMN.occurredAt];

/** The hits of one page with all that was asked to come back: only here are texts read. */
export async function readPage(
  page: readonly Candidate[],
  sources: readonly Source[],
  include: ReadonlySet<Include>,
): Promise<NexusHit[]> {
  const columns: string[] = [COLUMN.id, ...ALWAYS];
  for (const name of ['text', 'metadata', 'vector'] as const) if (include.has(name)) columns.push(COLUMN[name]);
  const rows = await readRows(page, sources, columns);
  return page.map((candidate) => {
    const row = rows.get(keyOf(candidate));
    if (row === undefined) throw new Error('a pinned version lost a row that it had proposed');
    const occurredAt = row[COLUMN.occurredAt] as number | bigint | null;
    return {
      id: candidate.id,
      document_id: row[COLUMN.documentId] as string,
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
  const rows = await readRows(candidates, sources, [COLUMN.id, COLUMN.text]);
  return candidates.map((candidate) => rows.get(keyOf(candidate))?.[COLUMN.text] as string);
}

type Row = Record<string, unknown>;

async function readRows(candidates: readonly Candidate[], sources: readonly Source[], columns: readonly string[]) {
  const rows = new Map<string, Row>();
  await Promise.all(
    sources.map(async ({ space }, source) => {
      const rowIds = candidates.filter((candidate) => candidate.source === source).map(({ rowId }) => rowId);
      if (rowIds.length === 0) return;
      const found = await space.table
        .takeRowIds(rowIds)
        .select([...columns])
        .toArrow();
      eachRow(found, columns, (at, values) => {
        const row: Row = {};
        columns.forEach((name, index) => (row[name] = values[index]?.get(at)));
        rows.set(keyOf({ source, id: row[COLUMN.id] as string }), row);
      });
    }),
  );
  return rows;
}

function metadataOf(json: string | null): Record<string, unknown> | null {
  return json === null ? null : (JSON.parse(json) as Record<string, unknown>);
}
