import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Socket } from 'node:net';
import { refuseSocket } from './socket-answer.js';

/** Requests whose bodies may be large: blobs, and documents to ingest. */
const UPLOADS = /^\/nexus\/(blobs|spaces\/:[^/]+\/ingest)$/;

export interface UploadBounds {
  /** Least bytes a second, over each window. */
  readonly bytesPerSMin: number;
  readonly windowMs: number;
  /** Uploads that may take longer than other requests at once: each may hold its body in memory. */
  readonly overtimeMax: number;
}

/**
 * Other requests have a time to arrive whole, which Node holds them to. An upload over a slow line may take longer, as
 * long as it keeps coming: one that brings too little in a window is cut off, so that nobody holds connections by
 * sending a byte now and then.
 */
export class Uploads {
  /** Those under way, and whether they are past the time that other requests have. */
  private readonly underWay = new Map<Socket, { overtime: boolean }>();

  constructor(private readonly bounds: UploadBounds) {}

  /** To be called before routes are added, and after who sets hooks of these routes. */
  watch(fastify: FastifyInstance): void {
    fastify.addHook('onRoute', (route) => {
      if (!UPLOADS.test(route.url) || route.method !== 'POST') return;
      const before = route.onRequest === undefined ? [] : [route.onRequest].flat();
      route.onRequest = [
        ...before,
        (request, reply, done) => {
          this.begin(request, reply);
          done();
        },
      ];
    });
  }

  /** Whether the time that other requests have does not end what arrives on this connection. */
  outlives(socket: Socket): boolean {
    const upload = this.underWay.get(socket);
    if (!upload) return false;
    let overtime = 0;
    for (const other of this.underWay.values()) if (other.overtime) overtime += 1;
    upload.overtime ||= overtime < this.bounds.overtimeMax;
    return upload.overtime;
  }

  private begin({ raw }: FastifyRequest, reply: FastifyReply): void {
    const { socket } = raw;
    const { bytesPerSMin, windowMs } = this.bounds;
    const upload = { overtime: false };
    this.underWay.set(socket, upload);
    const ended = () => {
      if (this.underWay.get(socket) === upload) this.underWay.delete(socket);
    };
    // Whoever was refused has the time that other requests have to send what is left.
    reply.raw.once('finish', ended);
    let before = socket.bytesRead;
    const look = () => {
      const bytes = socket.bytesRead - before;
      before = socket.bytesRead;
      // What arrived and was not read yet is our own slowness: Node stops reading then.
      const theirs = !raw.complete && raw.readableLength === 0;
      if (theirs && bytes < (bytesPerSMin * windowMs) / 1000) refuseSocket(socket, 'request.timeout');
    };
    // After what lies at the socket was read: timers come first, and a process that stood still has read nothing.
    const windows = setInterval(() => setImmediate(look), windowMs);
    windows.unref();
    raw.once('close', () => {
      clearInterval(windows);
      ended();
    });
  }
}
