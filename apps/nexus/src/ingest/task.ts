import {
  type NexusEvent,
  ServiceError,
  type SpaceKey,
  spaceKeyOf,
  spacePath,
  type TaskError,
} from '@runspine/contracts';
import { storeFault } from '../spaces/store-fault.js';

/** The event that asks for a task. */
export type IngestRequested = Extract<NexusEvent, { type: 'nexus.ingest_requested' }>;

/** One ingest in work: what was asked, where it stands in the log, and what has come of it so far. */
export class IngestTask {
  readonly id: string;
  readonly space: SpaceKey;
  readonly path: string;
  /** Documents and removals that are committed or refused. */
  documents = 0;
  chunks = 0;
  version: number | undefined;
  readonly errors: TaskError[] = [];

  constructor(
    readonly event: IngestRequested,
    readonly partition: number,
    /** Offset of the request in its partition, which the space's key fixes. */
    readonly offset: number,
    /** The same as rows carry it: what fences older changes. */
    readonly sourceOffset: number,
    /** Of the record, for the bound of what is in work. */
    readonly bytes: number,
  ) {
    this.id = event.data.task_id;
    this.space = spaceKeyOf(event.tenantid, event.env, event.data.space);
    this.path = spacePath(this.space);
  }

  committed(documents: number, chunks: number, version: number | undefined): void {
    this.documents += documents;
    this.chunks += chunks;
    this.version = version ?? this.version;
  }

  refuse(documentId: string | undefined, error: unknown): void {
    if (documentId !== undefined) this.documents++;
    const about = documentId === undefined ? {} : { document_id: documentId };
    this.errors.push({ ...about, ...faultOf(error) });
  }

  /** Nothing of what was asked came to pass. */
  get failed(): boolean {
    return this.errors.length > 0 && this.errors.length >= this.documents;
  }
}

/** A fault as tasks show it; what nobody expected shows nothing of itself. */
export function faultOf(thrown: unknown): { code: string; message: string } {
  const error = storeFault(thrown) ?? thrown;
  if (error instanceof ServiceError) return { code: error.code, message: error.message.slice(0, 500) };
  return { code: 'service.internal', message: 'A fault of ours; the log has it under the task.' };
}

/** Whether the same may succeed later. What nobody expected may pass, too: a store that is away has many names. */
export function mayPass(error: unknown): boolean {
  return !(error instanceof ServiceError) || error.retryable;
}
