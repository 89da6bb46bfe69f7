import type { TypedData } from '@runspine/contracts';
import { redact } from '@runspine/run-model';
import type { Transaction } from './transaction.js';

/** Rows that are in memory at once; the data of one may be 256 KiB. */
const PAGE_ROWS = 100;

const READ_JOURNAL = {
  name: 'erase-read-journal',
  text: `SELECT run_sequence, type, data FROM run_events
         WHERE tenant_id = $1 AND run_id = $2 AND run_sequence > $3 AND run_sequence < $4
         ORDER BY run_sequence LIMIT ${PAGE_ROWS}`,
};
const ERASE_JOURNAL = {
  name: 'erase-journal',
  text: `UPDATE run_events e SET data = r.data FROM unnest($3::bigint[], $4::json[]) AS r(run_sequence, data)
         WHERE e.tenant_id = $1 AND e.run_id = $2 AND e.run_sequence = r.run_sequence`,
};
const REJECTION_PLACE = 'recorded_at, source_partition, source_offset, event_id';
const READ_REJECTIONS = {
  name: 'erase-read-rejections',
  text: `SELECT ${REJECTION_PLACE}, type, data FROM rejections
         WHERE tenant_id = $1 AND run_id = $2
           AND (${REJECTION_PLACE}) > ($3::timestamptz, $4::integer, $5::bigint, $6::uuid)
         ORDER BY ${REJECTION_PLACE} LIMIT ${PAGE_ROWS}`,
};
const ERASE_REJECTIONS = {
  name: 'erase-rejections',
  text: `UPDATE rejections e SET data = r.data
         FROM unnest($2::integer[], $3::bigint[], $4::uuid[], $5::json[]) AS r(source_partition, source_offset, event_id, data)
         WHERE e.tenant_id = $1 AND e.source_partition = r.source_partition AND e.source_offset = r.source_offset
           AND e.event_id = r.event_id`,
};
/** Before the first rejection. */
const NOWHERE: RejectionPlace = {
  recorded_at: '-infinity',
  source_partition: 0,
  source_offset: 0,
  event_id: '00000000-0000-0000-0000-000000000000',
};

interface Kept {
  type: string;
  data: object;
}
interface KeptEvent extends Kept {
  run_sequence: number;
}
interface RejectionPlace {
  recorded_at: string;
  source_partition: number;
  source_offset: number;
  event_id: string;
}
interface ErasedRun {
  tenant_id: string;
  run_id: string;
  /** Of its `run.erased`. */
  run_sequence: number;
}

/**
 * Replaces the payloads of a run's journal and rejections by what may stay; hashes are not touched, so the chain still
 * verifies. Only the eraser may update the journal, so the transaction takes that role for these statements. A page at a
 * time: a run may have any number of events, and neither memory nor a statement's time grows with them.
 */
export async function erasePayloads(tx: Transaction, run: ErasedRun): Promise<void> {
  await tx.run('SET LOCAL ROLE runspine_eraser');
  await eraseJournal(tx, run);
  await eraseRejections(tx, run);
  await tx.run('SET LOCAL ROLE runspine_projector');
}

async function eraseJournal(tx: Transaction, { tenant_id, run_id, run_sequence: before }: ErasedRun): Promise<void> {
  for (let after = 0; ;) {
    const { rows } = await tx.query<KeptEvent & object>(READ_JOURNAL, [tenant_id, run_id, after, before]);
    const sequences = rows.map(({ run_sequence }) => run_sequence);
    await tx.query(ERASE_JOURNAL, [tenant_id, run_id, sequences, rows.map(redacted)]);
    if (rows.length < PAGE_ROWS) return;
    after = sequences.at(-1)!;
  }
}

async function eraseRejections(tx: Transaction, { tenant_id, run_id }: ErasedRun): Promise<void> {
  for (let after = NOWHERE; ;) {
    const place = [after.recorded_at, after.source_partition, after.source_offset, after.event_id];
    const { rows } = await tx.query<Kept & RejectionPlace>(READ_REJECTIONS, [tenant_id, run_id, ...place]);
    await tx.query(ERASE_REJECTIONS, [
      tenant_id,
      rows.map(({ source_partition }) => source_partition),
      rows.map(({ source_offset }) => source_offset),
      rows.map(({ event_id }) => event_id),
      rows.map(redacted),
    ]);
    if (rows.length < PAGE_ROWS) return;
    after = rows.at(-1)!;
  }
}

function redacted({ type, data }: Kept): string {
  return JSON.stringify(redact({ type, data } as TypedData));
}
