import { FastifyAdapter } from '@nestjs/platform-fastify';
import { serverOptions } from '@runspine/service/http';

const ARRIVAL_MS_MAX = 30_000;
/** A query with a long vector and filter. */
export const BODY_BYTES_MAX = 2 * 1024 * 1024;

/** Nest's adapter over a Fastify whose own errors have our shape. */
export function makeAdapter(): FastifyAdapter {
  return new FastifyAdapter(serverOptions({ arrivalMs: ARRIVAL_MS_MAX, bodyBytesMax: BODY_BYTES_MAX }));
}
