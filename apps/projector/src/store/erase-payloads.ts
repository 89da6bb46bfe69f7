import type { TypedData } from '@runspine/contracts';
import { redact } from '@runspine/run-model';
import type { Transaction } from './transaction.js';

const JOURNAL_DATA = {
  name: 'erase-read-journal',
  text: `SELECT run_sequence AS place, type, data FROM run_events
         WHERE tenant_id = $1 AND run_id = $2 AND run_sequence < $3`,
};
const REJECTED_DATA = {
  name: 'erase-read-rejections',
  text: `SELECT source_partition || '/' || source_offset AS place, type, data FROM rejections
         WHERE tenant_id = $1 AND run_id = $2`,
};
const ERASE_JOURNAL = {
  name: 'erase-journal',
  text: `UPDATE run_events e SET data = r.data FROM unnest($3::bigint[], $4::json[]) AS r(place, data)
         WHERE e.tenant_id = $1 AND e.run_id = $2 AND e.run_sequence = r.place`,
};
const ERASE_REJECTIONS = {
  name: 'erase-rejections',
  text: `UPDATE rejections e SET data = r.data FROM unnest($3::text[], $4::json[]) AS r(place, data)
         WHERE e.tenant_id = $1 AND e.run_id = $2 AND source_partition || '/' || source_offset = r.place`,
};

interface Kept {
  place: string | number;
  type: string;
  data: object;
}

/**
 * Replaces the payloads of a run's journal and rejections by what may stay; hashes are not touched, so the chain still
 * verifies. Only the eraser may update the journal, so the transaction takes that role for these statements.
 */
export async function erasePayloads(
  tx: Transaction,
  run: { tenant_id: string; run_id: string; run_sequence: number },
): Promise<void> {
  const ids = [run.tenant_id, run.run_id];
  const journal = await tx.query<Kept & object>(JOURNAL_DATA, [...ids, run.run_sequence]);
  const rejected = await tx.query<Kept & object>(REJECTED_DATA, ids);
  await tx.run('SET LOCAL ROLE runspine_eraser');
  await tx.query(ERASE_JOURNAL, [...ids, ...redacted(journal.rows)]);
  await tx.query(ERASE_REJECTIONS, [...ids, ...redacted(rejected.rows)]);
  await tx.run('SET LOCAL ROLE runspine_projector');
}

function redacted(rows: readonly Kept[]): [unknown[], string[]] {
  return [
    rows.map((row) => row.place),
    rows.map((row) => JSON.stringify(redact({ type: row.type, data: row.data } as TypedData))),
  ];
}
