import { createHash, randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import {
  type BlobRef,
  canonicalize,
  derivedEventId,
  EVENT_DATA_BYTES_MAX,
  type EventDocument,
  type IngestDocument,
  type IngestRequest,
  invalidRequest,
  newEventId,
  newTaskId,
  type NexusEventData,
  nexusEvent,
  ServiceError,
  type SpaceRef,
  SYSTEM_TENANT,
  taskIdOfKey,
} from '@runspine/contracts';
import { TaskQueries } from '@runspine/projections';
import { hasRole, type Identity } from '@runspine/request-context';
import type { WriteRequest } from '../http/write-headers.js';
import { NexusSender } from './nexus-sender.js';
import { PAYLOAD_BLOBS, type PayloadBlobs } from './payload-blobs.js';
import { RecentRequests } from './recent-requests.js';

/** What a request came to. */
export interface AcceptedTask {
  readonly taskId: string;
  /** True where the same request came before, and nothing was sent this time. */
  readonly repeated: boolean;
}

type RequestedData = NexusEventData<'nexus.ingest_requested'>;
/** The data of the event but for its task, space and payload. */
type Work = { documents: IngestDocument[]; chunking?: RequestedData['chunking'] } | { deletions: string[] };

/** Documents of an event are at most this long; beside them there is room for all else that its data may have. */
const INLINE_BYTES_MAX = EVENT_DATA_BYTES_MAX - 4096;
/** Blobs that are looked for at once. */
const LOOKS_MAX = 8;

/** Makes tasks of requests to ingest and to remove: an event each, its payload in a blob where it is large. */
@Injectable()
export class IngestCommands {
  private readonly recent = new RecentRequests();

  constructor(
    @Inject(NexusSender) private readonly sender: NexusSender,
    @Inject(TaskQueries) private readonly tasks: TaskQueries,
    @Inject(PAYLOAD_BLOBS) private readonly blobs: PayloadBlobs,
  ) {}

  ingest(caller: Identity, spaceId: string, body: IngestRequest, request: WriteRequest): Promise<AcceptedTask> {
    const { scope, documents, chunking } = body;
    const space = spaceOf(caller, spaceId, scope);
    return this.begin(caller, space, request, { documents, ...(chunking === undefined ? {} : { chunking }) });
  }

  remove(
    caller: Identity,
    spaceId: string,
    documentId: string,
    scope: 'tenant' | 'global' | undefined,
    request: WriteRequest,
  ): Promise<AcceptedTask> {
    return this.begin(caller, spaceOf(caller, spaceId, scope), request, { deletions: [documentId] });
  }

  private async begin(caller: Identity, space: SpaceRef, request: WriteRequest, work: Work): Promise<AcceptedTask> {
    const { idempotencyKey } = request;
    if (idempotencyKey === undefined) {
      const taskId = newTaskId();
      await this.submit(caller, space, request, work, { taskId, eventId: newEventId() });
      return { taskId, repeated: false };
    }
    const taskId = taskIdOfKey({ ...caller, idempotencyKey });
    const hash = createHash('sha256')
      .update(`${request.route}\n${space.scope}\n${canonicalize(work)}`)
      .digest('hex');
    const recorded = this.recent.find(taskId) ? undefined : await this.recordedHash(caller, taskId);
    // Looked at once more: the same request may have come while PostgreSQL was asked.
    const before = this.recent.find(taskId);
    const firstHash = before?.hash ?? recorded;
    if (firstHash !== undefined) {
      if (firstHash !== hash) throw new ServiceError('idempotency.key_reused');
      await before?.sent;
      return { taskId, repeated: true };
    }
    const eventId = derivedEventId(caller.tenantId, taskId, 'nexus.ingest_requested');
    await this.recent.take(taskId, hash, () => this.submit(caller, space, request, work, { taskId, eventId, hash }));
    return { taskId, repeated: false };
  }

  /** Undefined where no such task is recorded, or PostgreSQL is away: to send it again changes nothing then. */
  private async recordedHash(caller: Identity, taskId: string): Promise<string | undefined> {
    try {
      const found = await this.tasks.find(caller, taskId);
      return found?.requestHash ?? undefined;
    } catch (error) {
      if (error instanceof ServiceError && error.code === 'store.unavailable') return undefined;
      throw error;
    }
  }

  private async submit(
    caller: Identity,
    space: SpaceRef,
    request: WriteRequest,
    work: Work,
    ids: { taskId: string; eventId: string; hash?: string },
  ): Promise<void> {
    const { taskId, eventId, hash } = ids;
    const payload = 'deletions' in work ? work : await this.payloadOf(caller, taskId, work);
    const envelope = {
      id: eventId,
      source: '/gateway',
      time: new Date().toISOString(),
      tenantid: caller.tenantId,
      env: caller.env,
      projectid: caller.projectId,
      surfaceid: caller.surfaceId,
      correlationid: request.correlationId ?? taskId,
      ...(request.causationId === undefined ? {} : { causationid: request.causationId }),
      ...(request.traceparent === undefined ? {} : { traceparent: request.traceparent }),
      ...(hash === undefined ? {} : { idempotencykey: request.idempotencyKey!, idempotencyhash: hash }),
    };
    await this.sender.send(nexusEvent('nexus.ingest_requested', envelope, { task_id: taskId, space, ...payload }));
  }

  /** Documents inline where they are small; else in a blob of the caller's route, JSON `{documents}`. */
  private async payloadOf(
    caller: Identity,
    taskId: string,
    { documents, chunking }: Extract<Work, { documents: unknown }>,
  ): Promise<Pick<RequestedData, 'documents' | 'payload_blob' | 'document_count' | 'chunking'>> {
    const shaped = await this.withBlobs(caller, taskId, documents);
    const options = { document_count: shaped.length, ...(chunking === undefined ? {} : { chunking }) };
    const text = JSON.stringify({ documents: shaped });
    // A UTF-16 unit is at most 3 bytes of UTF-8.
    if (text.length * 3 <= INLINE_BYTES_MAX || Buffer.byteLength(text) <= INLINE_BYTES_MAX) {
      return { documents: shaped, ...options };
    }
    const store = await this.blobs.of(caller);
    // A key of its own: a request that reuses an idempotency key must not replace what the first one has sent.
    const key = `ingest/${taskId}-${randomUUID().slice(0, 8)}`;
    await store.putBytes(key, Buffer.from(text));
    return { payload_blob: blobRef(caller, key), ...options };
  }

  /** Documents as events have them: each with an id, and blobs named by their owner, which is the caller. */
  private async withBlobs(
    caller: Identity,
    taskId: string,
    documents: readonly IngestDocument[],
  ): Promise<EventDocument[]> {
    const wanted = documents.flatMap(({ blob_uri }, index) => (blob_uri === undefined ? [] : [{ blob_uri, index }]));
    if (wanted.length > 0) await this.checkBlobs(caller, wanted);
    return documents.map(({ document_id, blob_uri, ...rest }, index) => ({
      document_id: document_id ?? `${taskId}-${index}`,
      ...rest,
      ...(blob_uri === undefined ? {} : { blob: blobRef(caller, keyOf(blob_uri)) }),
    }));
  }

  /** @throws ServiceError `nexus.blob_not_found` that names the first that is missing. */
  private async checkBlobs(caller: Identity, wanted: readonly { blob_uri: string; index: number }[]): Promise<void> {
    const store = await this.blobs.of(caller);
    for (let from = 0; from < wanted.length; from += LOOKS_MAX) {
      await Promise.all(
        wanted.slice(from, from + LOOKS_MAX).map(async ({ blob_uri, index }) => {
          if (await store.exists(keyOf(blob_uri))) return;
          throw new ServiceError('nexus.blob_not_found', undefined, { path: `/documents/${index}/blob_uri`, blob_uri });
        }),
      );
    }
  }
}

/**
 * The space that a caller may write to. Both scopes of t_system are one space; it is called global.
 * @throws ServiceError `nexus.global_write_forbidden`
 */
function spaceOf(caller: Identity, spaceId: string, scope: 'tenant' | 'global' = 'tenant'): SpaceRef {
  const ofSystem = caller.tenantId === SYSTEM_TENANT;
  if (scope === 'global' && !ofSystem && !hasRole(caller, 'admin')) {
    throw new ServiceError('nexus.global_write_forbidden', undefined, { required: ['admin', 'system'] });
  }
  const { projectId: project, surfaceId: surface } = caller;
  return { scope: ofSystem ? 'global' : scope, project, surface, space_id: spaceId };
}

function blobRef(caller: Identity, key: string): BlobRef {
  return { tenant: caller.tenantId, env: caller.env, project: caller.projectId, key };
}

function keyOf(blobUri: string): string {
  const prefix = 'blob://';
  if (!blobUri.startsWith(prefix)) throw invalidRequest([{ path: '/documents', message: 'must begin with blob://' }]);
  return blobUri.slice(prefix.length);
}
