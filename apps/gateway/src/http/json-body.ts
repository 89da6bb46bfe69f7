import { isUtf8 } from 'node:buffer';
import { BODY_BYTES_MAX, ServiceError } from '@runspine/contracts';
import type { FastifyInstance } from 'fastify';

/**
 * Reads bodies as JSON and nothing else. Keys are data: `__proto__` is an ordinary key, as JSON.parse has it, and every
 * place that takes a body apart does so with spread or rest, which never set a prototype. Text that is not UTF-8 is
 * refused rather than mended, since what was sent could not be told any more. An empty body is no body.
 */
export function acceptJsonOnly(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>(
    /^application\/(?:[\w.+-]+\+)?json(?:\s*;|$)/i,
    { parseAs: 'buffer', bodyLimit: BODY_BYTES_MAX },
    (_request, bytes, done) => {
      try {
        done(null, parseBody(bytes));
      } catch (error) {
        done(error as Error);
      }
    },
  );
}

/** @throws ServiceError `request.malformed` */
export function parseBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  if (!isUtf8(bytes)) throw new ServiceError('request.malformed', 'The body is not UTF-8.');
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new ServiceError('request.malformed', `The body is not JSON: ${reasonOf(error)}`);
  }
}

/** What JSON.parse found, without the piece of the body that it quotes. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  const position = /at position \d+/.exec(message)?.[0];
  return position === undefined ? 'it ends too early or holds something else.' : `unexpected ${position}.`;
}
