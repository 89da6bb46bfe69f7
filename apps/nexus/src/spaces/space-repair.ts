import type { Table } from '@lancedb/lancedb';
import { ForkedCommits, nextCommit, readChain } from './commit-chain.js';
import { replaceCommitRows } from './commit-fold.js';
import { COLUMN, COMMIT_INDEX } from './space-schema.js';
import { countStatistics } from './space-statistics.js';

/** Rows deleted by one predicate. */
const DELETED_AT_ONCE_MAX = 5_000;

/**
 * Puts right what two processes wrote from the same state: of a document only rows of its newest source offset stay,
 * of a row that was written twice one. Statistics are counted again and replace all commit rows that were seen; until
 * then the version stays a forked one, that nobody reads, so a crash on the way loses nothing. A repair that races with
 * another, or with a commit, leaves a fork behind and is done again by whoever meets it. False: nothing was to be done.
 */
export async function repairSpace(table: Table): Promise<boolean> {
  await table.checkoutLatest();
  if (!(await isForked(table))) return false;
  const seen = await commitRowIds(table);
  const lost = await supersededRows(table);
  for (let from = 0; from < lost.length; from += DELETED_AT_ONCE_MAX) {
    await table.delete(`_rowid IN (${lost.slice(from, from + DELETED_AT_ONCE_MAX).join(', ')})`);
  }
  const last = Math.max(0, ...seen.map((id) => Number(/^\t\d+-(\d+) /.exec(id)?.[1] ?? 0)));
  const name = { ...nextCommit({ to: last, mark: '' }), from: 1 };
  await replaceCommitRows(table, seen, { ...name, ...(await countStatistics(table)) });
  return true;
}

async function isForked(table: Table): Promise<boolean> {
  try {
    await readChain(table);
    return false;
  } catch (error) {
    if (error instanceof ForkedCommits) return true;
    throw error;
  }
}

async function commitRowIds(table: Table): Promise<string[]> {
  const rows = await table.query().where(`${COLUMN.chunkIndex} = ${COMMIT_INDEX}`).select([COLUMN.id]).toArray();
  return rows.map((row: { id: string }) => row.id);
}

/** Row ids of what an older change left, and of second copies. */
async function supersededRows(table: Table): Promise<bigint[]> {
  const newest = new Map<string, bigint>();
  const kept = new Map<string, { row: bigint; document: string; offset: bigint }>();
  const lost: bigint[] = [];
  const rows = table
    .query()
    .where(`${COLUMN.chunkIndex} > ${COMMIT_INDEX}`)
    .select([COLUMN.id, COLUMN.documentId, COLUMN.sourceOffset])
    .withRowId();
  for await (const batch of rows) {
    const [ids, documents, offsets, rowIds] = [COLUMN.id, COLUMN.documentId, COLUMN.sourceOffset, '_rowid'].map(
      (name) => batch.getChild(name),
    );
    for (let at = 0; at < batch.numRows; at++) {
      const id = ids?.get(at) as string;
      const row = {
        row: rowIds?.get(at) as bigint,
        document: documents?.get(at) as string,
        offset: offsets?.get(at) as bigint,
      };
      if (row.offset > (newest.get(row.document) ?? -1n)) newest.set(row.document, row.offset);
      const other = kept.get(id);
      if (!other || row.offset > other.offset) kept.set(id, row);
      if (other) lost.push(row.offset > other.offset ? other.row : row.row);
    }
  }
  for (const { row, document, offset } of kept.values()) if (offset < (newest.get(document) as bigint)) lost.push(row);
  return lost;
}
