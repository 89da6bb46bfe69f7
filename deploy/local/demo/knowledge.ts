import { setTimeout as sleep } from 'node:timers/promises';
import type { Recorder } from './recorder.ts';

/** The space that the project's documents are put into. */
export const SPACE = 'documents';
const REQUEST_CHARS_MAX = 4 * 1024 * 1024;
const REQUEST_DOCUMENTS_MAX = 500;
const LOOK_MS = 100;
const TASK_MAX_MS = 120_000;
const HITS_SHOWN = 3;

/** A task as it is read back; only what is used. */
export interface IngestTask {
  task_id: string;
  status: 'queued' | 'running' | 'completed' | 'failed';
  documents: number;
  documents_done: number;
  chunks: number;
  errors: { document_id?: string; code: string; message: string }[];
}

/** A hit of an answer; only what is shown. */
export interface Hit {
  document_id: string;
  text: string;
  score: number;
  source_scope: string;
  metadata: { heading_path?: string[] } | null;
}

/** A question with what was found. */
export interface Answered {
  question: string;
  hits: Hit[];
  score_kind: string;
  searched: { mode: string; rows: { tenant?: number }; took_ms: number };
}

/**
 * Puts documents into the space, a request after the other, and waits until they can be found. Those of an earlier
 * start are replaced. Texts that say nothing are left out.
 * @throws Error where one of them was refused, or it takes over two minutes.
 */
export async function ingestDocuments(
  recorder: Recorder,
  texts: ReadonlyMap<string, string>,
  onProgress: (task: IngestTask) => void,
): Promise<{ tasks: string[]; documents: number; chunks: number; paths: string[] }> {
  const done = { tasks: [] as string[], documents: 0, chunks: 0, paths: [] as string[] };
  for (const documents of requestsOf(texts)) {
    const { task_id } = await recorder.post<{ task_id: string }>(`/nexus/spaces/${SPACE}/ingest`, { documents });
    const task = await ended(recorder, task_id, onProgress);
    const [error] = task.errors;
    if (error) throw new Error(`${error.document_id ?? task_id} was not ingested: ${error.message} (${error.code})`);
    done.tasks.push(task_id);
    done.documents += task.documents;
    done.chunks += task.chunks;
    done.paths.push(...documents.map(({ document_id: id }) => id));
  }
  return done;
}

/**
 * Removes documents from the space, and waits until they can no longer be found.
 * @throws Error where one of them was not removed, or it takes over two minutes.
 */
export async function removeDocuments(recorder: Recorder, paths: readonly string[]): Promise<string[]> {
  const tasks: string[] = [];
  for (const path of paths) {
    const { task_id } = await recorder.remove<{ task_id: string }>(
      `/nexus/spaces/${SPACE}/documents/${encodeURIComponent(path)}`,
    );
    tasks.push(task_id);
  }
  for (const taskId of tasks) {
    const { status, errors } = await ended(recorder, taskId, () => undefined);
    const reason = errors[0] ? `: ${errors[0].message} (${errors[0].code})` : '';
    if (status === 'failed') throw new Error(`A document that left the project was not removed${reason}.`);
  }
  return tasks;
}

/** Asks the space as a step of a run: what it retrieves is recorded there. */
export async function ask(
  recorder: Recorder,
  question: string,
  step: { run_id: string; step_id: string },
  afterTask: string | undefined,
): Promise<Answered> {
  const query = { query: question, top_k: HITS_SHOWN, ...step, ...(afterTask && { after_task: afterTask }) };
  const answer = await recorder.post<Omit<Answered, 'question'>>(`/nexus/spaces/${SPACE}/query`, query);
  return { question, ...answer };
}

interface SentDocument {
  document_id: string;
  text: string;
  type: string;
  source_uri: string;
}

function* requestsOf(texts: ReadonlyMap<string, string>): Generator<SentDocument[]> {
  let documents: SentDocument[] = [];
  let chars = 0;
  for (const [path, text] of texts) {
    if (text.trim() === '') continue;
    if (
      documents.length > 0 &&
      (chars + text.length > REQUEST_CHARS_MAX || documents.length >= REQUEST_DOCUMENTS_MAX)
    ) {
      yield documents;
      [documents, chars] = [[], 0];
    }
    documents.push({ document_id: path, text, type: 'markdown', source_uri: path });
    chars += text.length;
  }
  if (documents.length > 0) yield documents;
}

async function ended(recorder: Recorder, taskId: string, onProgress: (task: IngestTask) => void): Promise<IngestTask> {
  const deadline = Date.now() + TASK_MAX_MS;
  for (let shown = ''; ; await sleep(LOOK_MS)) {
    const task = await recorder.read<IngestTask>(`/nexus/tasks/${taskId}`);
    const { status, documents_done, chunks } = task;
    if (shown !== `${status} ${documents_done} ${chunks}`) onProgress(task);
    shown = `${status} ${documents_done} ${chunks}`;
    if (status === 'completed' || status === 'failed') return task;
    if (Date.now() > deadline) throw new Error(`The documents were not ingested within ${TASK_MAX_MS / 1000} s.`);
  }
}
