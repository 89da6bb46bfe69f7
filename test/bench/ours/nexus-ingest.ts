import type { SpaceStore } from '../../../apps/nexus/dist/spaces/space-store.js';
import type { DocumentChange } from '../../../apps/nexus/dist/spaces/document-change.js';
import { expectStatus, Connection } from '../http-load.ts';
import { benchSpace, EMBEDDING } from '../nexus-spaces.ts';
import { waitUntil } from '../servers.ts';

/** Commits that the ingest has under way for a space: one is stored while the terms of the next are found. */
const UNDER_WAY = 2;

/** Commits batch after batch, as the ingest does; returns when each was there. */
export async function commitAll(store: SpaceStore, batches: readonly (readonly DocumentChange[])[]): Promise<number[]> {
  const space = benchSpace('ingested');
  const doneMs: number[] = [];
  const underWay: Promise<unknown>[] = [];
  for (const batch of batches) {
    if (underWay.length >= UNDER_WAY) await underWay.shift();
    underWay.push(store.commit(space, EMBEDDING, batch).then(() => doneMs.push(performance.now())));
  }
  await Promise.all(underWay);
  return doneMs;
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
