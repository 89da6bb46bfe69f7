import type { FastifyReply } from 'fastify';

/** Runs work for a caller, with a signal that tells when the caller is gone: nobody would read the answer. */
export async function whileCallerWaits<T>(reply: FastifyReply, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const gone = new AbortController();
  const leave = () => gone.abort(new Error('the caller is gone'));
  reply.raw.once('close', leave);
  try {
    return await work(gone.signal);
  } finally {
    reply.raw.removeListener('close', leave);
  }
}
