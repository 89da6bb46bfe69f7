import { createSecretKey } from 'node:crypto';
import type { RecordedEvent } from '@runspine/contracts';
import { type ChainedSource, hashData, hashEntry } from '@runspine/projections';
import { Replay } from '@runspine/run-model';
import type { Database, Row } from './database.js';

/** An entry of the journal: the event, and what the chain holds of it. */
export type JournalEntry = RecordedEvent &
  ChainedSource & { data_text: string; prev_hash: string | null; hash: string };

/** The journal, run by run, in order. */
export async function readJournal(database: Database, runId?: string): Promise<Map<string, JournalEntry[]>> {
  const rows = await database.rows<Row & JournalEntry>(
    `SELECT *, data::text AS data_text, encode(data_hash, 'hex') AS data_hash, encode(prev_hash, 'hex') AS prev_hash,
            encode(hash, 'hex') AS hash
     FROM run_events WHERE run_id = coalesce($1, run_id) ORDER BY tenant_id, run_id, run_sequence`,
    [runId ?? null],
  );
  return Map.groupBy(rows, ({ tenant_id, run_id }) => `${tenant_id}/${run_id}`) as Map<string, JournalEntry[]>;
}

/** A run and its steps, folded from its journal. */
export function fold(events: readonly RecordedEvent[]): Replay {
  const replay = new Replay();
  for (const event of events) replay.apply(event);
  return replay;
}

/**
 * Walks every chain of the journal.
 * @returns the faults, as `run_id/sequence what`; empty when all verify. Erased payloads do not count.
 */
export async function chainFaults(database: Database, journalKey: Buffer): Promise<string[]> {
  const key = createSecretKey(journalKey);
  const faults: string[] = [];
  const journal = await readJournal(database);
  for (const entries of journal.values()) {
    const erased = entries.findLastIndex(({ type }) => type === 'run.erased');
    let previous: string | null = null;
    for (const [index, entry] of entries.entries()) {
      const at = `${entry.run_id}/${entry.run_sequence}`;
      if (entry.run_sequence !== index + 1) faults.push(`${at} stands at place ${index + 1}`);
      if (entry.prev_hash !== previous) faults.push(`${at} does not follow the entry before`);
      if (hashEntry(key, entry, entry, entry.prev_hash) !== entry.hash) faults.push(`${at} is not what was hashed`);
      if (index >= erased && hashData(entry.data_text) !== entry.data_hash) faults.push(`${at} has other data`);
      previous = entry.hash;
    }
  }
  const heads = await database.rows<{ run_id: string; head: string }>(
    `SELECT tenant_id || '/' || run_id AS run_id, encode(head_hash, 'hex') AS head FROM proj_runs`,
  );
  for (const { run_id, head } of heads) {
    if (journal.get(run_id)?.at(-1)?.hash !== head) faults.push(`${run_id} has another head`);
  }
  return faults;
}

/** Sequences of runs and rooms that have gaps or doubles; empty when all count 1, 2, 3, … */
export function sequenceFaults(database: Database): Promise<Row[]> {
  return database.rows(
    `SELECT run_id AS of, count(*) AS count, max(run_sequence) AS last FROM run_events
       GROUP BY tenant_id, run_id HAVING count(*) <> max(run_sequence) OR min(run_sequence) <> 1
     UNION ALL
     SELECT e.room_id, count(*), max(room_sequence) FROM run_events e WHERE room_id IS NOT NULL
       GROUP BY tenant_id, env, room_id
       HAVING count(*) <> max(room_sequence) OR min(room_sequence) <> 1 OR count(DISTINCT room_sequence) <> count(*)
     UNION ALL
     SELECT r.room_id, r.last_sequence, (SELECT max(room_sequence) FROM run_events e
              WHERE (e.tenant_id, e.env, e.room_id) = (r.tenant_id, r.env, r.room_id))
       FROM proj_rooms r WHERE r.last_sequence <> (SELECT max(room_sequence) FROM run_events e
              WHERE (e.tenant_id, e.env, e.room_id) = (r.tenant_id, r.env, r.room_id))`,
  );
}

/** What a rebuild would find different from the projections; empty when they are what the journal says. */
export async function rebuildFaults(database: Database): Promise<string[]> {
  const runs = await database.rows<Row & { tenant_id: string; run_id: string; last_seen_at: string }>(
    'SELECT * FROM proj_runs',
  );
  const steps = Map.groupBy(
    await database.rows<Row & { tenant_id: string; run_id: string; step_id: string }>('SELECT * FROM proj_steps'),
    ({ tenant_id, run_id }) => `${tenant_id}/${run_id}`,
  );
  const journal = await readJournal(database);
  const faults: string[] = [];
  if (runs.length !== journal.size) faults.push(`${runs.length} runs, ${journal.size} in the journal`);
  for (const { head_hash: _head, ...run } of runs) {
    const id = `${run.tenant_id}/${run.run_id}`;
    const replay = fold(journal.get(id) ?? []);
    // Heartbeats move it and are not journalled.
    const folded = { ...replay.run, last_seen_at: run.last_seen_at };
    if (canonical(folded) !== canonical(run)) faults.push(`${id}: ${canonical(run)} is not ${canonical(folded)}`);
    const rows = (steps.get(id) ?? []).map(({ tenant_id: _tenant, ...step }) => step);
    const foldedSteps = [...replay.steps.values()].map((step) => canonical(step)).sort();
    const storedSteps = rows.map((row) => canonical(row)).sort();
    if (canonical(foldedSteps) !== canonical(storedSteps)) {
      faults.push(`steps of ${id}: ${storedSteps.join()} are not ${foldedSteps.join()}`);
    }
  }
  return faults;
}

/** JSON with sorted keys: jsonb keeps no order. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
