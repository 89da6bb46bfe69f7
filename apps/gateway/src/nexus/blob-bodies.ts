import { ServiceError } from '@runspine/contracts';
import type { FastifyInstance } from 'fastify';

const BLOBS = '/nexus/blobs';
const BYTES = 'application/octet-stream';

/** Hands bodies for the blob store on as they come, of whatever type they are. To be called before routes are added. */
export function acceptBlobs(fastify: FastifyInstance): void {
  fastify.addContentTypeParser(BYTES, (request, payload, done) => {
    if (request.routeOptions.url === BLOBS) return done(null, payload);
    done(new ServiceError('request.unsupported_media_type'));
  });
  fastify.addHook('onRoute', (route) => {
    if (route.url !== BLOBS || route.method !== 'POST') return;
    route.onRequest = (request, _reply, done) => {
      // A blob of JSON is not to be parsed, either.
      request.raw.headers['content-type'] = BYTES;
      done();
    };
  });
}
