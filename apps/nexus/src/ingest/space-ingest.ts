import { type EventDocument, ServiceError, type SpaceKey } from '@runspine/contracts';
import type { DocumentChange } from '../spaces/document-change.js';
import type { SpaceEmbedding } from '../spaces/space-schema.js';
import { CommitGroup } from './commit-group.js';
import { type CutChunk, cutDocument } from './document-cutter.js';
import type { IngestParts } from './ingest-parts.js';
import type { PartitionLog } from './log/partition-log.js';
import { outcomeOf } from './outcome-events.js';
import { Persistence } from './persistence.js';
import { SpaceCommitter } from './space-committer.js';
import { IngestTask } from './task.js';

/** What comes together is one commit, even where the space was quiet before. */
const LINGER_MS = 50;
/** Texts that are embedded together: enough to fill requests, few enough to be tried again together. */
const SLICE_CHUNKS = 256;
const SLICE_CHARS = 1024 * 1024;

interface CutDocument {
  readonly document: EventDocument;
  readonly chunks: CutChunk[];
}

/**
 * The work on one space: its tasks one after the other, their documents in groups, each group one commit. While one
 * group is written the next is made ready. Spaces work side by side, so that one that has to wait holds up no other.
 */
export class SpaceIngest {
  readonly persistence: Persistence;
  private readonly queue: IngestTask[] = [];
  private readonly open = new Map<IngestTask, { prepared: boolean; pending: number }>();
  private readonly committer: SpaceCommitter;
  private group: CommitGroup | undefined;
  /** What is being written: all of it, and all but the last group. */
  private writing: Promise<unknown> = Promise.resolve();
  private earlier: Promise<unknown> = Promise.resolve();
  private committedAtMs = 0;
  private working: Promise<void> | undefined;
  private wake: (() => void) | undefined;

  constructor(
    private readonly space: SpaceKey,
    private readonly parts: IngestParts,
    log: PartitionLog,
    private readonly signal: AbortSignal,
    private readonly onDone: (task: IngestTask) => void,
  ) {
    this.persistence = new Persistence(parts.limits.retryMs, parts.logger, signal);
    this.committer = new SpaceCommitter(space, parts, log, this.persistence, signal);
  }

  push(task: IngestTask): void {
    this.queue.push(task);
    this.wake?.();
    this.begin();
  }

  /** Whether nothing of the space is in work. */
  get quiet(): boolean {
    return this.working === undefined && this.queue.length === 0;
  }

  private begin(): void {
    this.working ??= this.work().finally(() => {
      this.working = undefined;
      if (this.queue.length > 0 && !this.signal.aborted) this.begin();
    });
  }

  /** Resolves once nothing is in work, or soon after the signal. */
  async idle(): Promise<void> {
    await this.working;
    await this.writing.catch(() => undefined);
  }

  private async work(): Promise<void> {
    try {
      do {
        const task = this.queue.shift();
        if (task) await this.prepare(task);
        if (this.group && this.dueInMs() <= 0) await this.flush();
        else if (this.queue.length === 0 && this.group) await this.rest(this.dueInMs());
        if (this.queue.length === 0 && !this.group) await this.writing;
      } while (this.queue.length > 0 || this.group);
    } catch (error) {
      if (!this.signal.aborted) this.parts.logger.fatal({ err: error }, 'ingest of a space ended by a fault of ours');
      if (!this.signal.aborted) throw error;
    }
  }

  private dueInMs(): number {
    if (!this.group) return 0;
    const dueMs = Math.max(this.group.openedAtMs + LINGER_MS, this.committedAtMs + this.parts.limits.windowMs);
    return dueMs - Date.now();
  }

  private rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer);
        this.signal.removeEventListener('abort', go);
        this.wake = undefined;
        resolve();
      };
      const timer = setTimeout(go, ms);
      this.signal.addEventListener('abort', go, { once: true });
      this.wake = go;
    });
  }

  /**
   * Begins to write the group once at most one is being written: its terms are found while that one is stored. The
   * store takes them in turn.
   */
  private async flush(): Promise<void> {
    this.signal.throwIfAborted();
    const group = this.group;
    if (!group) return;
    this.group = undefined;
    const { held, limits } = this.parts;
    await (held.bytes >= limits.heldBytesMax ? this.writing : this.earlier);
    const before = this.writing;
    this.earlier = before;
    // Removals alone are of the model that the space has, which the group before may be the first to give it.
    const turn = group.embedding ? Promise.resolve() : before;
    const written = turn
      .then(() => this.committer.commit(group))
      .finally(() => (this.parts.held.bytes -= group.bytes))
      .then(async () => {
        this.committedAtMs = Date.now();
        // Told together: one by one, each task would wait for the acknowledgement of the one before.
        await Promise.all([...group.shares.values()].map(({ task, changes }) => this.landed(task, changes.length)));
      });
    this.writing = Promise.all([before, written]);
    // What it throws is met where it is awaited next.
    this.writing.catch(() => undefined);
  }

  private async prepare(task: IngestTask): Promise<void> {
    const state = { prepared: false, pending: 0 };
    this.open.set(task, state);
    const fields = { task_id: task.id, space: task.path };
    let slice: CutDocument[] = [];
    try {
      if (!(await this.parts.decisions.counts(task, this.signal))) return this.passOver(task);
      const { documents = [], deletions = [] } = await this.attempt('blobs', fields, () =>
        this.parts.blobs.payloadOf(task.event, this.signal),
      );
      for (const documentId of new Set(deletions)) {
        await this.add(task, { documentId, sourceOffset: task.sourceOffset, chunks: [] }, undefined);
      }
      for (const document of lastOfEachId(task, documents)) {
        const cut = await this.cut(task, document, fields);
        if (cut) slice.push(cut);
        if (!isFull(slice)) continue;
        await this.embed(task, slice, fields);
        slice = [];
      }
      await this.embed(task, slice, fields);
    } catch (error) {
      this.signal.throwIfAborted();
      this.note(error, fields);
      task.refuse(undefined, error);
    }
    state.prepared = true;
    await this.landed(task, 0);
  }

  private async cut(
    task: IngestTask,
    document: EventDocument,
    fields: Record<string, unknown>,
  ): Promise<CutDocument | undefined> {
    try {
      const { blob } = document;
      const text = blob
        ? await this.attempt('blobs', fields, () => this.parts.blobs.textOf(task.event, blob, this.signal))
        : document.text;
      const chunks = await cutDocument(document, text, task.event.data.chunking, this.parts.limits);
      return { document, chunks };
    } catch (error) {
      this.signal.throwIfAborted();
      this.note(error, fields);
      task.refuse(document.document_id, error);
      return undefined;
    }
  }

  /** Embeds documents together; where the embedder refuses them, each alone, so that it is its own fault only. */
  private async embed(task: IngestTask, slice: readonly CutDocument[], fields: Record<string, unknown>): Promise<void> {
    if (slice.length === 0) return;
    const embedder = this.parts.embedderOf(this.space);
    const texts = slice.flatMap(({ chunks }) => chunks.filter(({ vector }) => !vector).map(({ text }) => text));
    let vectors: Float32Array[];
    try {
      vectors =
        texts.length === 0
          ? []
          : await this.attempt('embedder', fields, () => embedder.embed(texts, 'document', this.signal));
    } catch (error) {
      this.signal.throwIfAborted();
      const theirs = error instanceof ServiceError && error.code === 'nexus.embedder_invalid';
      if (theirs && slice.length > 1) {
        for (const one of slice) await this.embed(task, [one], fields);
        return;
      }
      this.note(error, fields);
      for (const { document } of slice) task.refuse(document.document_id, error);
      return;
    }
    let next = 0;
    for (const { document, chunks } of slice) {
      const own = chunks[0]?.vector;
      const embedded = chunks.map(({ text, metadata, vector }) => ({
        text,
        metadata,
        vector: vector ?? (vectors[next++] as Float32Array),
      }));
      const dimension = (embedded[0]?.vector as Float32Array).length;
      const embedding = { model: own ? `custom-${dimension}` : embedder.model, dimension };
      await this.add(task, changeOf(task, document, embedded), embedding);
    }
  }

  private async add(task: IngestTask, change: DocumentChange, embedding: SpaceEmbedding | undefined): Promise<void> {
    const { limits, held } = this.parts;
    if (this.group && !this.group.takes(embedding)) await this.flush();
    const group = (this.group ??= new CommitGroup(Date.now()));
    const before = group.bytes;
    group.add(task, change, embedding);
    held.bytes += group.bytes - before;
    const state = this.open.get(task);
    if (state) state.pending++;
    if (group.bytes >= limits.groupBytes || held.bytes >= limits.heldBytesMax) await this.flush();
  }

  private attempt<T>(dependency: 'blobs' | 'embedder', fields: Record<string, unknown>, work: () => Promise<T>) {
    const { signal } = this;
    return this.persistence.attempt(dependency, fields, () =>
      this.parts.preparing.run(work, { urgent: false, signal }),
    );
  }

  /** Nothing is told of it: the task is that of another request. */
  private passOver(task: IngestTask): void {
    this.open.delete(task);
    this.onDone(task);
  }

  /** Ends a task once all of it is written or refused, and Kafka has its outcome. */
  private async landed(task: IngestTask, documents: number): Promise<void> {
    const state = this.open.get(task);
    if (!state) return;
    state.pending -= documents;
    if (!state.prepared || state.pending > 0) return;
    this.open.delete(task);
    await this.parts.publish(outcomeOf(task));
    this.parts.onEnded?.(task.failed ? 'failed' : 'completed');
    this.onDone(task);
  }

  private note(error: unknown, fields: Record<string, unknown>): void {
    if (!(error instanceof ServiceError)) this.parts.logger.error({ ...fields, err: error }, 'a document failed');
  }
}

function changeOf(task: IngestTask, document: EventDocument, chunks: DocumentChange['chunks']): DocumentChange {
  const { document_id: documentId, type, source_uri: sourceUri, occurred_at: occurredAt } = document;
  return {
    documentId,
    sourceOffset: task.sourceOffset,
    chunks,
    ...(type === undefined ? {} : { type }),
    ...(sourceUri === undefined ? {} : { sourceUri }),
    ...(occurredAt === undefined ? {} : { occurredAt }),
  };
}

/** Of documents with one id, which only other producers send, the last; the others are done. */
function lastOfEachId(task: IngestTask, documents: readonly EventDocument[]): EventDocument[] {
  const last = new Map(documents.map((document) => [document.document_id, document]));
  task.committed(documents.length - last.size, 0, undefined);
  return [...last.values()];
}

function isFull(slice: readonly CutDocument[]): boolean {
  let chunks = 0;
  let chars = 0;
  for (const document of slice) {
    chunks += document.chunks.length;
    for (const { text } of document.chunks) chars += text.length;
  }
  return chunks >= SLICE_CHUNKS || chars >= SLICE_CHARS;
}
