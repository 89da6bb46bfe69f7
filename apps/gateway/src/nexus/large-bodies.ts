import { INGEST_BODY_BYTES_MAX } from '@runspine/contracts';
import type { FastifyInstance } from 'fastify';
import { sendError } from '../http/error-answer.js';

const INGEST = /^\/nexus\/spaces\/:[^/]+\/ingest$/;

/** Lets the bodies of ingest requests be larger than others. To be called before routes are added. */
export function acceptLargeIngests(fastify: FastifyInstance): void {
  fastify.addHook('onRoute', (route) => {
    if (!INGEST.test(route.url)) return;
    route.bodyLimit = INGEST_BODY_BYTES_MAX;
    route.errorHandler = (error, _request, reply) => {
      if ((error as { code?: string }).code !== 'FST_ERR_CTP_BODY_TOO_LARGE') throw error;
      const message =
        'The body is too large. Send documents in several requests, or texts as blobs: POST /nexus/blobs.';
      sendError(reply, 'request.too_large', message, { bytes_max: INGEST_BODY_BYTES_MAX });
    };
  });
}
