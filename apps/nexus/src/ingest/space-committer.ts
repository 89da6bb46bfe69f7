import { ServiceError, type SpaceKey } from '@runspine/contracts';
import type { DocumentChange } from '../spaces/document-change.js';
import type { SpaceEmbedding } from '../spaces/space-schema.js';
import type { CommitGroup, GroupShare } from './commit-group.js';
import type { IngestParts } from './ingest-parts.js';
import type { PartitionLog } from './log/partition-log.js';
import { indexedOf } from './outcome-events.js';
import type { Persistence } from './persistence.js';
import type { IngestTask } from './task.js';

/** Writes a space's groups, each as one version of its table, and tells of them. */
export class SpaceCommitter {
  constructor(
    private readonly space: SpaceKey,
    private readonly parts: IngestParts,
    private readonly log: PartitionLog,
    private readonly persistence: Persistence,
    private readonly signal: AbortSignal,
  ) {}

  /** Never throws but when it is told to stop: what cannot be written is refused, document by document. */
  async commit(group: CommitGroup): Promise<void> {
    const began = performance.now();
    const { changes } = group;
    try {
      const embedding = group.embedding ?? (await this.embeddingOfSpace());
      if (!embedding) return this.settle(group, undefined);
      const committed = await this.write(embedding, changes);
      this.settle(group, committed.version || undefined);
      const { version, documents, chunks } = committed;
      if (documents > 0) await this.tell([...group.shares.values()], { version, documents, chunks, ...embedding });
      const seconds = (performance.now() - began) / 1000;
      this.parts.onCommitted?.({ documents, chunks, tasks: group.shares.size, seconds });
    } catch (error) {
      this.signal.throwIfAborted();
      this.parts.logger.error({ err: error, documents: changes.length }, 'documents could not be written');
      await this.refuse(group, error);
    }
  }

  /** Before anything is written: a space that was written from another log is left as it is. */
  private readonly fence = (newest: number): Promise<void> => this.log.holds(newest);

  private write(embedding: SpaceEmbedding, changes: readonly DocumentChange[]) {
    const { committing, store } = this.parts;
    return this.persistence.attempt('store', { documents: changes.length }, () =>
      committing.run(() => store.commit(this.space, embedding, changes, this.fence), {
        urgent: false,
        signal: this.signal,
      }),
    );
  }

  /** Removals need no embedder: they are of the model that the space has. None: there is nothing to remove from. */
  private embeddingOfSpace(): Promise<SpaceEmbedding | undefined> {
    return this.persistence.attempt('store', {}, async () => {
      const pinned = await this.parts.store.open(this.space);
      pinned?.release();
      return pinned?.embedding;
    });
  }

  private settle(group: CommitGroup, version: number | undefined): void {
    for (const { task, documents, chunks } of group.shares.values()) task.committed(documents, chunks, version);
  }

  private async tell(
    shares: readonly GroupShare[],
    commit: { version: number; documents: number; chunks: number; model: string; dimension: number },
  ): Promise<void> {
    const byTenant = Map.groupBy(
      shares.map(({ task }) => task),
      (task) => task.event.tenantid,
    );
    for (const tasks of byTenant.values()) {
      await this.parts.publish(indexedOf(tasks as [IngestTask, ...IngestTask[]], commit));
    }
  }

  /** A fault of one document must not take the others with it: each task's part is tried alone, then given up. */
  private async refuse(group: CommitGroup, error: unknown): Promise<void> {
    const wholly = error instanceof ServiceError || group.shares.size === 1;
    for (const { task, changes } of group.shares.values()) {
      if (!wholly && (await this.alone(task, group, changes))) continue;
      for (const { documentId } of changes) task.refuse(documentId, error);
    }
  }

  private async alone(task: IngestTask, group: CommitGroup, changes: readonly DocumentChange[]): Promise<boolean> {
    if (!group.embedding) return false;
    try {
      const { version, chunks } = await this.parts.store.commit(this.space, group.embedding, changes, this.fence);
      task.committed(changes.length, chunks, version);
      return true;
    } catch (error) {
      this.parts.logger.error({ err: error, task_id: task.id }, 'a task could not be written');
      return false;
    }
  }
}
