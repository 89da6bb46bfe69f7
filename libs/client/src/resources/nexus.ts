import { RunspineError } from '../errors.js';
import { jitterMs, pause } from '../http/backoff.js';
import { Pages } from '../http/pages.js';
import { badAnswer, type CallOptions, type Transport, type WriteOptions } from '../http/transport.js';
import type {
  IngestRequest,
  NexusAnswer,
  NexusBlob,
  NexusHit,
  NexusQuery,
  NexusSpace,
  NexusTask,
  ResearchFilter,
  ResearchRun,
  Scope,
} from './nexus-types.js';
import { objectOf } from './writes.js';

/** How long a task is waited for. */
export interface TaskWait extends CallOptions {
  /** Milliseconds in all. @default 300_000 */
  readonly waitMs?: number;
}

/** Whether what is done as a task is waited for. */
export interface TaskOptions extends WriteOptions {
  /** Resolve with the completed task; `true` waits 5 minutes at most. @default false: with the task as accepted */
  readonly wait?: boolean | TaskWait;
}

/** What a question belongs to: it counts for that research run. */
export interface QuestionOptions extends CallOptions {
  readonly correlationId?: string;
  readonly causationId?: string;
  /** W3C trace context. */
  readonly traceparent?: string;
}

const TASK_WAIT_MS = 300_000;
/** A task that is not there after so long never was. */
const UNKNOWN_MS_MAX = 15_000;
const LOOK_MS = { baseMs: 100, capMs: 2000 };

/** Documents and what can be found in them. */
export class Nexus {
  constructor(private readonly transport: Transport) {}

  /**
   * Puts documents into a space. Without `wait`, resolves once the task is accepted, with its id alone.
   * @throws RunspineError `client.task_failed` with the task's errors, `client.task_pending`; only with `wait`.
   */
  ingest(spaceId: string, request: IngestRequest, options: TaskOptions & { wait: true | TaskWait }): Promise<NexusTask>;
  ingest(spaceId: string, request: IngestRequest, options?: TaskOptions): Promise<{ task_id: string }>;
  async ingest(spaceId: string, request: IngestRequest, options: TaskOptions = {}): Promise<{ task_id: string }> {
    return this.asTask('POST', `${pathOf(spaceId)}/ingest`, { body: request }, options);
  }

  /** Removes a document, as a task. */
  async removeDocument(
    spaceId: string,
    documentId: string,
    { scope, ...options }: TaskOptions & { scope?: Scope } = {},
  ): Promise<{ task_id: string }> {
    const path = `${pathOf(spaceId)}/documents/${encodeURIComponent(documentId)}`;
    return this.asTask('DELETE', path, { query: { scope } }, options);
  }

  async task(taskId: string, options: CallOptions = {}): Promise<NexusTask> {
    const path = `/nexus/tasks/${encodeURIComponent(taskId)}`;
    const { status, body } = await this.transport.request('GET', path, options);
    return objectOf(status, body) as unknown as NexusTask;
  }

  /** Resolves when a task is completed. @throws RunspineError `client.task_failed`, `client.task_pending` */
  async waitForTask(taskId: string, { waitMs = TASK_WAIT_MS, ...options }: TaskWait = {}): Promise<NexusTask> {
    const beganMs = Date.now();
    const endMs = beganMs + waitMs;
    for (let look = 0; ; look++) {
      const known = await this.taskIfKnown(taskId, options);
      const task = 'task' in known ? known.task : undefined;
      if (task?.status === 'completed') return task;
      if (task?.status === 'failed') {
        const first = task.errors[0];
        const message = `The task failed${first ? `: ${first.code}, ${first.message}` : ''}`;
        throw new RunspineError('client.task_failed', message, { status: 200, retryable: false, details: { task } });
      }
      if ('missing' in known && Date.now() >= Math.min(endMs, beganMs + UNKNOWN_MS_MAX)) throw known.missing;
      if (Date.now() >= endMs) {
        throw new RunspineError('client.task_pending', `The task is not done after ${waitMs} ms.`, {
          status: 202,
          retryable: true,
          details: { task_id: taskId },
        });
      }
      await pause(Math.min(LOOK_MS.baseMs / 2 + jitterMs(look, LOOK_MS), endMs - Date.now() + 1), options.signal);
    }
  }

  async query(spaceId: string, query: NexusQuery, options: QuestionOptions = {}): Promise<NexusAnswer> {
    const { status, body } = await this.transport.request('POST', `${pathOf(spaceId)}/query`, {
      ...options,
      body: query,
    });
    const answer = objectOf(status, body);
    if (!Array.isArray(answer.hits)) throw badAnswer(status, 'has no hits');
    return answer as unknown as NexusAnswer;
  }

  /** All hits of a query, page after page, to the end of its depth. */
  async *hits(spaceId: string, query: NexusQuery, options: QuestionOptions = {}): AsyncGenerator<NexusHit, void, void> {
    let cursor = query.cursor;
    do {
      const answer = await this.query(spaceId, cursor === undefined ? query : { ...query, cursor }, options);
      yield* answer.hits;
      if (answer.next_cursor !== null && answer.next_cursor === cursor) throw badAnswer(200, 'repeats its cursor');
      cursor = answer.next_cursor ?? undefined;
    } while (cursor !== undefined);
  }

  /** Uploads bytes, for documents too large for a request. */
  async uploadBlob(bytes: Uint8Array, options: WriteOptions = {}): Promise<NexusBlob> {
    const headers = { 'content-type': 'application/octet-stream' };
    const { status, body } = await this.transport.request('POST', '/nexus/blobs', { ...options, body: bytes, headers });
    return objectOf(status, body) as unknown as NexusBlob;
  }

  /** The spaces that there are, by name. `limit`: of a page, 1-200 (50 unless said). */
  spaces(options: CallOptions & { scope?: Scope; limit?: number } = {}): Pages<NexusSpace> {
    const { scope, limit, ...rest } = options;
    return new Pages(this.transport, '/nexus/spaces', { scope, limit }, rest);
  }

  async space(spaceId: string, { scope, ...options }: CallOptions & { scope?: Scope } = {}): Promise<NexusSpace> {
    const { status, body } = await this.transport.request('GET', pathOf(spaceId), { ...options, query: { scope } });
    return objectOf(status, body) as unknown as NexusSpace;
  }

  /** What was ingested, asked and made, by what belonged together; the last begun first. */
  runs(filter: ResearchFilter = {}, options: CallOptions = {}): Pages<ResearchRun> {
    return new Pages(this.transport, '/nexus/runs', { ...filter }, options);
  }

  private async asTask(
    method: 'POST' | 'DELETE',
    path: string,
    request: { body?: unknown; query?: Record<string, string | undefined> },
    { wait = false, ...options }: TaskOptions,
  ): Promise<{ task_id: string }> {
    const answer = await this.transport.request(method, path, { ...options, ...request });
    const accepted = objectOf(answer.status, answer.body) as { task_id?: unknown };
    if (typeof accepted.task_id !== 'string') throw badAnswer(answer.status, 'has no task_id');
    if (wait === false) return { task_id: accepted.task_id };
    const signal = options.signal ? { signal: options.signal } : {};
    return this.waitForTask(accepted.task_id, { ...signal, ...(wait === true ? {} : wait) });
  }

  /** A task is not there before its event is projected. */
  private async taskIfKnown(taskId: string, options: CallOptions): Promise<{ task: NexusTask } | { missing: Error }> {
    try {
      return { task: await this.task(taskId, options) };
    } catch (error) {
      if (error instanceof RunspineError && error.status === 404) return { missing: error };
      throw error;
    }
  }
}

function pathOf(spaceId: string): string {
  return `/nexus/spaces/${encodeURIComponent(spaceId)}`;
}
