import { Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { blobUri, newBlobKey } from '@runspine/blobs';
import { type BlobAccepted, invalidRequest, ServiceError } from '@runspine/contracts';
import type { Identity } from '@runspine/request-context';
import { Caller, Requires } from '@runspine/request-context/requires';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import type { GatewaySettings } from '../config.js';
import { ApiDoc, schemaRef } from '../http/api-doc.js';
import { SETTINGS } from '../tokens.js';
import { OwnersBlobs } from './owners-blobs.js';

/** Texts that are too large for a request, and payloads. */
@Controller('nexus/blobs')
export class BlobsController {
  private uploads = 0;

  constructor(
    @Inject(OwnersBlobs) private readonly blobs: OwnersBlobs,
    @Inject(SETTINGS) private readonly settings: GatewaySettings,
  ) {}

  @Post()
  @HttpCode(201)
  @Requires('ingester')
  @ApiDoc({
    tag: 'nexus',
    summary: "Stores bytes in the blob store of the caller's route",
    description:
      'The body is stored as it is, of whatever type. The answer names it for ingest of the same tenant, env and project. Blobs are kept for 8 days.',
    body: { schema: { type: 'string', format: 'binary' } as never },
    answers: { 201: { description: 'They are stored.', schema: schemaRef('BlobAccepted') } },
    errors: [
      'nexus.blob_too_large',
      'nexus_blob_store.missing_route',
      'nexus_blob_store.overloaded',
      'nexus_blob_store.unavailable',
      'nexus_route.secret_missing',
      'store.unavailable',
    ],
  })
  async put(
    @Caller() caller: Identity,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BlobAccepted> {
    // What of the body is not read is not waited for: the connection ends with an answer that refuses it.
    reply.header('connection', 'close');
    const answer = await this.store(caller, request);
    reply.removeHeader('connection');
    return answer;
  }

  private async store(caller: Identity, { body, headers }: FastifyRequest): Promise<BlobAccepted> {
    const { blobBytesMax: bytesMax, uploadsMax } = this.settings;
    const length = headers['content-length'];
    if (!(body instanceof Readable) || length === '0')
      throw invalidRequest([{ path: '/', message: 'must have bytes' }]);
    if (Number(length ?? 0) > bytesMax) {
      throw new ServiceError('nexus.blob_too_large', undefined, { bytes_max: bytesMax });
    }
    if (this.uploads >= uploadsMax) throw new ServiceError('nexus_blob_store.overloaded');
    this.uploads++;
    try {
      const blobs = await this.blobs.of(caller);
      const { key, bytes, sha256 } = await blobs.putBytes(newBlobKey(), body, { bytesMax });
      return { blob_uri: blobUri(key), bytes, sha256 };
    } finally {
      this.uploads--;
    }
  }
}
