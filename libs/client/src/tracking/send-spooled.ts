import type { ClientIdentity, RunspineClient } from '../client.js';
import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readEnvironment } from '../environment.js';
import { Delivery, TRY_MS_DEFAULT } from './delivery.js';
import { keepRefused } from './refused-file.js';
import { Spool, type SpoolFile } from './spool.js';

/** What became of events that ended processes left on disk. */
export interface SpooledReport {
  /** Runs that they are of. */
  readonly runs: readonly string[];
  /** Events that Kafka has now. */
  readonly sent: number;
  /** Events that the gateway refused for what they are; `refused.ndjson` in the folder has them. */
  readonly refused: number;
  /** Why some wait on, such as a gateway that is away; undefined where none does. */
  readonly failure: unknown;
}

const CHUNK_EVENTS = 2000;
const FILES_MAX = 1000;

/**
 * Sends the events that processes of this machine left on disk as they ended, those of the client's own gateway, tenant,
 * env, project and surface: of a pipeline that an uncaught error ended they are the last ones, its failure among them. One
 * try: what cannot be sent waits for the next. Trackers do the same by themselves.
 * @throws what the file system throws.
 */
export async function sendSpooled(
  client: RunspineClient,
  { spoolDir, timeoutMs = TRY_MS_DEFAULT }: { spoolDir?: string | undefined; timeoutMs?: number } = {},
): Promise<SpooledReport> {
  const spool = new Spool(spoolFolderOf(client.identity, spoolDir), 0);
  const delivery = new Delivery(client.transport, timeoutMs);
  const report = { runs: new Set<string>(), sent: 0, refused: 0, failure: undefined as unknown };
  try {
    for (let files = 0; files < FILES_MAX && report.failure === undefined; files++) {
      const file = await spool.adopt();
      if (!file) break;
      await sendFile(file, delivery, spool.folder, report);
    }
  } finally {
    spool.release();
  }
  return { ...report, runs: [...report.runs] };
}

/** Whoever speaks for another tenant, or to another gateway, has another folder. */
export function spoolFolderOf(identity: ClientIdentity, spoolDir: string | undefined): string {
  const { address, tenant, env, project, surface } = identity;
  const name = createHash('sha256').update([address, tenant, env, project, surface].join('\n')).digest('hex');
  return join(spoolDir ?? readEnvironment().spoolDir ?? join(homedir(), '.runspine', 'spool'), name.slice(0, 16));
}

async function sendFile(
  file: SpoolFile,
  delivery: Delivery,
  folder: string,
  report: { runs: Set<string>; sent: number; refused: number; failure: unknown },
): Promise<void> {
  for (;;) {
    const chunk = await file.next(CHUNK_EVENTS);
    if (!chunk) return file.remove();
    const { sent, refused, failure } = await delivery.send(chunk.events);
    report.sent += sent;
    report.refused += refused.length;
    if (refused.length > 0) await keepRefused(folder, refused);
    if (sent > 0) for (const { runId } of chunk.events) report.runs.add(runId);
    if (failure !== undefined) {
      report.failure = failure;
      return file.release();
    }
    await chunk.done();
  }
}
