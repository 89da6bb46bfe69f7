import type { Table } from '@lancedb/lancedb';
import { commitRowId, encodeDelta, readChain, readRecords, sumDeltas, type CommitRecord } from './commit-chain.js';
import { arrowRows, arrowTable, commitRow } from './space-rows.js';
import { COLUMN, embeddingOf, sqlText } from './space-schema.js';

/** Fewer rows than this are left alone. */
const ROWS_FOLDED_MIN = 16;

/**
 * Folds the newest commit rows into one: as many as are, each, not much larger than those after it together, so that
 * every term is rewritten a bounded number of times as a space grows. The caller holds the space's mutex.
 */
export async function foldCommits(table: Table): Promise<void> {
  await table.checkoutLatest();
  const chain = await readChain(table);
  if (chain.length < ROWS_FOLDED_MIN) return;
  const records = await readRecords(table, chain);
  let from = records.length - 1;
  let terms = records[from]?.terms.size ?? 0;
  while (from > 0 && (records[from - 1]?.terms.size ?? 0) <= 2 * terms) terms += records[--from]?.terms.size ?? 0;
  const folded = records.slice(from);
  const [first, last] = [folded[0], folded.at(-1)];
  if (!first || !last || folded.length < ROWS_FOLDED_MIN / 2) return;
  const record = { from: first.from, to: last.to, mark: last.mark, ...sumDeltas(folded) };
  await replaceCommitRows(table, folded.map(commitRowId), record);
}

/** One row in place of these, in one version. Commit rows that were not seen stay, so that what they mean is noticed. */
export async function replaceCommitRows(table: Table, ids: readonly string[], record: CommitRecord): Promise<void> {
  const embedding = embeddingOf(await table.schema());
  const row = commitRow(commitRowId(record), encodeDelta(record));
  const data = arrowTable(embedding, [arrowRows(embedding, [row])]);
  const merge = table.mergeInsert(COLUMN.id).whenMatchedUpdateAll().whenNotMatchedInsertAll();
  const where = `${COLUMN.id} IN (${ids.map(sqlText).join(', ')})`;
  await (ids.length === 0 ? merge : merge.whenNotMatchedBySourceDelete({ where })).useIndex(false).execute(data);
}
