import { isUtf8 } from 'node:buffer';
import { type BlobRef, DocumentId, EventDocument, INGEST_DOCUMENTS_MAX, ServiceError } from '@runspine/contracts';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import type { IngestRequested } from './task.js';

/** Reads a blob of an owner. @throws ServiceError */
export type ReadBlob = (blob: BlobRef, bytesMax: number, signal: AbortSignal) => Promise<Buffer>;

/** A payload is a request's body of at most 16 MiB; as JSON made anew it may be somewhat longer. */
const PAYLOAD_BYTES_MAX = 48 * 1024 * 1024;

const Payload = Type.Object({
  documents: Type.Optional(Type.Array(EventDocument, { maxItems: INGEST_DOCUMENTS_MAX })),
  deletions: Type.Optional(Type.Array(DocumentId, { maxItems: INGEST_DOCUMENTS_MAX })),
});
const payload = Compile(Payload);

/** What a request asks for: in the event itself, or in the blob that it names. */
export type IngestPayload = Static<typeof Payload>;

/** The blobs that requests name. Only those of the event's own tenant, env and project are read. */
export class RequestBlobs {
  constructor(
    private readonly read: ReadBlob,
    private readonly textBytesMax: number,
  ) {}

  /** @throws ServiceError `nexus.blob_forbidden`, `nexus.blob_unreadable`, and what reading throws. */
  async payloadOf(event: IngestRequested, signal: AbortSignal): Promise<IngestPayload> {
    const { documents, deletions, payload_blob: blob } = event.data;
    if (!blob) return { ...(documents ? { documents } : {}), ...(deletions ? { deletions } : {}) };
    ownedBy(event, blob);
    const text = textOf(await this.read(blob, PAYLOAD_BYTES_MAX, signal));
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new ServiceError('nexus.blob_unreadable', 'The payload is not JSON.');
    }
    if (payload.Check(value)) return value;
    const [fault] = payload.Errors(value);
    const where = fault ? `${fault.instancePath} ${fault.message}` : 'its shape';
    throw new ServiceError('nexus.blob_unreadable', `The payload does not fit: ${where}.`);
  }

  /** @throws ServiceError as payloadOf, and `nexus.blob_too_large` */
  async textOf(event: IngestRequested, blob: BlobRef, signal: AbortSignal): Promise<string> {
    ownedBy(event, blob);
    return textOf(await this.read(blob, this.textBytesMax, signal));
  }
}

function ownedBy(event: IngestRequested, { tenant, env, project }: BlobRef): void {
  if (tenant === event.tenantid && env === event.env && project === event.projectid) return;
  throw new ServiceError('nexus.blob_forbidden');
}

function textOf(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new ServiceError('nexus.blob_unreadable', 'The blob is not text in UTF-8.');
  return bytes.toString('utf8').replace(/^\uFEFF/, '');
}
