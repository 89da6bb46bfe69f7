import type { NexusEvent } from '@runspine/contracts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningGateway, runGateway, untilReady } from '../running-gateway.fixture.js';
import { readTopic } from './topic-reader.fixture.js';

type Requested = Extract<NexusEvent, { type: 'nexus.ingest_requested' }>;

/**
 * A gateway to send ingests to, and what it sent on. Real: Kafka, PostgreSQL, the gateway, blobs in a local folder.
 * Nobody projects; tasks are written by the test.
 */
export class IngestCaller {
  /** What the next requests belong to, so that their events are known. */
  correlation = 'start';

  private constructor(
    readonly gateway: RunningGateway,
    /** That routes may name. */
    readonly folder: string,
  ) {}

  /** Resolves when ingests are taken. */
  static async start(env: NodeJS.ProcessEnv): Promise<IngestCaller> {
    const folder = await mkdtemp(join(tmpdir(), 'runspine-ingest-'));
    const settings = { RUNSPINE_ROUTE_FILE_ROOTS: folder, RUNSPINE_ROUTES_REFRESH_MS: '50' };
    const caller = new IngestCaller(await runGateway(env, settings), folder);
    await untilReady(caller.gateway);
    await caller.untilTaken({ documents: [{ text: 'x' }] });
    return caller;
  }

  async remove(): Promise<void> {
    await this.gateway.remove();
    await rm(this.folder, { recursive: true, force: true });
  }

  send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.gateway.address}${path}`, {
      method,
      headers: {
        'x-correlation-id': this.correlation,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  ingest(body: unknown, headers?: Record<string, string>): Promise<Response> {
    return this.send('POST', '/nexus/spaces/handbook/ingest', body, headers);
  }

  /** The events of the correlation. */
  async sent(): Promise<Requested[]> {
    const events = await readTopic(this.gateway, 'nexus');
    return events.filter(({ correlationid }) => correlationid === this.correlation) as Requested[];
  }

  /** Until the gateway knows the partitions of the nexus topic, and where blobs are stored. */
  async untilTaken(body: object, headers?: Record<string, string>): Promise<void> {
    for (let attempt = 0; attempt < 200; attempt++) {
      if ((await this.ingest(body, headers)).status === 202) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('No ingest is taken.');
  }
}

export const taskOf = async (answer: Response) => ((await answer.json()) as { task_id: string }).task_id;
export const errorOf = async (answer: Response) =>
  ((await answer.json()) as { error: { code: string; details: { faults?: { path: string }[] } } }).error;

/** A task as the projector would have written it. */
export function insertTask(
  into: RunningGateway,
  id: string,
  status: string,
  { hash = null as string | null | undefined } = {},
) {
  return into.owner.query(
    `INSERT INTO proj_nexus_tasks VALUES ('default', $1, 'default', 'default', 'default', 'handbook', 'tenant',
       'default/default/default/default/handbook', $2, 2, 1, 3, NULL, '[]', $3, now(), now(), NULL)`,
    [id, status, hash],
  );
}
