import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** Below the ports that systems give to outgoing connections, so that none of those takes a remembered one. */
const RANGE = { from: 20_000, to: 30_000 };
const TRIES_MAX = 200;

/**
 * The ports of a data folder's servers: chosen among the free ones at the first start, remembered, and chosen again only
 * when somebody else has taken one meanwhile.
 */
export class PortMemory {
  readonly #path: string;
  readonly #ports: Record<string, number>;

  constructor(dataDir: string) {
    this.#path = join(dataDir, 'ports.json');
    this.#ports = readPorts(this.#path);
  }

  /** The port of this name, free at this moment. `preferred` is tried before any other at the first choice. */
  async choose(name: string, preferred?: number): Promise<number> {
    const candidates = [this.#ports[name], preferred].filter((port) => port !== undefined);
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const port = candidates.shift() ?? randomInt(RANGE.from, RANGE.to);
      if (this.#isOurs(name, port) || !(await isFree(port))) continue;
      this.#ports[name] = port;
      writeFileSync(this.#path, `${JSON.stringify(this.#ports, null, 2)}\n`);
      return port;
    }
    throw new Error(`No free port found for ${name} between ${RANGE.from} and ${RANGE.to}.`);
  }

  #isOurs(name: string, port: number): boolean {
    return Object.entries(this.#ports).some(([other, taken]) => other !== name && taken === port);
  }
}

/** Whether a server could listen there now. */
export function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

/** A file that cannot be read is as none: the ports are chosen again. */
function readPorts(path: string): Record<string, number> {
  try {
    const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const entries = Object.entries(content ?? {}).filter(
      ([, port]) => Number.isInteger(port) && port > 0 && port < 65_536,
    );
    return Object.fromEntries(entries) as Record<string, number>;
  } catch {
    return {};
  }
}
