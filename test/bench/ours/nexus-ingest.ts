import type { DocumentChange } from '../../../apps/nexus/dist/spaces/document-change.js';
import { expectStatus, Connection } from '../http-load.ts';
import { nexusProcess } from '../nexus-process.ts';
import { waitUntil } from '../servers.ts';

/** Of commits to a space and of raw LanceDB's, in turn. */
export interface Committing {
  /** Rows a second of each round but the first, the limit's, and ours in parts of it. */
  readonly rates: readonly number[];
  readonly limits: readonly number[];
  readonly shares: readonly number[];
  /** Medians of ten commits in milliseconds: the 5th to 14th, and the last. */
  readonly early: number;
  readonly late: number;
  /** The limit's last ten in parts of its early ones. */
  readonly rawSlower: number;
}

/** Commits so many batches in a process of its own. */
export function committing(folder: string, batches: number, size: number): Promise<Committing> {
  return nexusProcess<Committing>('nexus-ingest-main', [folder, String(batches), String(size)]);
}

/** Puts batches in through the gateway, Kafka, the blob store and nexus. Documents a second, until the last is there. */
export async function ingestOverHttp(
  address: string,
  batches: readonly (readonly DocumentChange[])[],
): Promise<number> {
  const connection = new Connection(new URL(address));
  const bodies = batches.map((batch) => JSON.stringify({ documents: batch.map(documentOf) }));
  const fromMs = performance.now();
  const tasks: string[] = [];
  for (const body of bodies) {
    const answer = await connection.send({ method: 'POST', path: '/nexus/spaces/arrived/ingest', body });
    tasks.push((JSON.parse(expectStatus(answer, 202).body) as { task_id: string }).task_id);
  }
  for (const task of tasks) await waitUntil(() => ended(connection, task), 'a task to end', 20);
  const seconds = (performance.now() - fromMs) / 1000;
  connection.close();
  return batches.reduce((sum, batch) => sum + batch.length, 0) / seconds;
}

async function ended(connection: Connection, task: string): Promise<boolean> {
  const answer = await connection.send({ method: 'GET', path: `/nexus/tasks/${task}` });
  if (answer.status !== 200) return false;
  const { status } = JSON.parse(answer.body) as { status: string };
  if (status === 'failed') throw new Error(`task ${task} failed: ${answer.body.slice(0, 500)}`);
  return status === 'completed';
}

function documentOf({ documentId, chunks }: DocumentChange): unknown {
  const made = chunks.map(({ text, vector, metadata }) => ({ text, vector: [...vector], metadata }));
  return { document_id: documentId, chunks: made };
}
