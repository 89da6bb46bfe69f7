import type { DocumentChange } from '../spaces/document-change.js';
import type { SpaceEmbedding } from '../spaces/space-schema.js';
import type { IngestTask } from './task.js';

/** What a task has in a group. */
export interface GroupShare {
  readonly task: IngestTask;
  documents: number;
  chunks: number;
  readonly changes: DocumentChange[];
}

const DOCUMENT_BYTES = 300;
const CHUNK_BYTES = 200;

/** Changes of one space that become one commit, and whose they are. */
export class CommitGroup {
  readonly shares = new Map<IngestTask, GroupShare>();
  /** Undefined as long as documents are only removed. */
  embedding: SpaceEmbedding | undefined;
  /** Estimate of what it takes in memory. */
  bytes = 0;
  private readonly newest = new Map<string, DocumentChange>();

  constructor(readonly openedAtMs: number) {}

  /** Whether the change can be part of the same commit: all its vectors are of one model. */
  takes(embedding: SpaceEmbedding | undefined): boolean {
    if (!embedding || !this.embedding) return true;
    return embedding.model === this.embedding.model && embedding.dimension === this.embedding.dimension;
  }

  /** Of several changes of a document the one that came last in the log counts; each task is told that its is done. */
  add(task: IngestTask, change: DocumentChange, embedding: SpaceEmbedding | undefined): void {
    this.embedding ??= embedding;
    this.newest.set(change.documentId, change);
    this.bytes += bytesOf(change);
    const share = this.shares.get(task) ?? { task, documents: 0, chunks: 0, changes: [] };
    share.documents++;
    share.chunks += change.chunks.length;
    share.changes.push(change);
    this.shares.set(task, share);
  }

  get changes(): DocumentChange[] {
    return [...this.newest.values()];
  }
}

function bytesOf(change: DocumentChange): number {
  let bytes = DOCUMENT_BYTES;
  for (const { text, vector } of change.chunks) bytes += CHUNK_BYTES + 2 * text.length + vector.byteLength;
  return bytes;
}
