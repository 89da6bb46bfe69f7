import type { Server } from 'node:http';

const LOOK_MS = 50;

/**
 * Counts the requests that are not answered yet, so that a server that closes can let go of its connections once there
 * are none: Node itself waits for a connection that never carried a request, such as a browser's preconnected one.
 */
export class OpenRequests {
  private open = 0;

  constructor(private readonly server: Server) {
    server.on('request', (_request, response) => {
      this.open += 1;
      response.once('close', () => (this.open -= 1));
    });
  }

  /** Runs `close`, and meanwhile closes every connection as soon as no request is open. */
  async during(close: () => Promise<void>): Promise<void> {
    const timer = setInterval(() => {
      if (this.open === 0) this.server.closeAllConnections();
    }, LOOK_MS);
    try {
      await close();
    } finally {
      clearInterval(timer);
    }
  }
}
