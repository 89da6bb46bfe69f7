import type {
  IngestDocument,
  IngestRequest,
  NexusAnswer,
  NexusHit,
  NexusQuery,
  SpaceResource,
  TaskResource,
} from '@runspine/contracts';
import { createServer } from 'node:net';
import type { Answer, HttpClient } from './http-client.js';
import type { Stack } from './stack.js';
import { until } from './until.js';

/** Settings under which a nexus keeps its address over a restart, and nobody waits for a commit or a route. */
export async function quickNexus(): Promise<Record<string, string>> {
  return {
    RUNSPINE_NEXUS_PORT: String(await freePort()),
    RUNSPINE_NEXUS_COMMIT_MS: '50',
    RUNSPINE_ROUTES_REFRESH_MS: '100',
  };
}

/** Puts documents into spaces and asks them, as one caller. */
export class Spaces {
  constructor(readonly http: HttpClient) {}

  /** The same for another caller, by headers such as `x-tenant-id`. */
  as(headers: Record<string, string>): Spaces {
    return new Spaces(this.http.with(headers));
  }

  send(space: string, documents: readonly IngestDocument[], more: Partial<IngestRequest> = {}): Promise<Answer> {
    return this.http.post(`/nexus/spaces/${space}/ingest`, { documents, ...more });
  }

  /** @returns the task */
  async ingest(
    space: string,
    documents: readonly IngestDocument[],
    more: Partial<IngestRequest> = {},
  ): Promise<string> {
    return taskOf(await this.send(space, documents, more));
  }

  async remove(space: string, documentId: string): Promise<string> {
    const path = `/nexus/spaces/${space}/documents/${encodeURIComponent(documentId)}`;
    return taskOf(await this.http.send('DELETE', path, undefined));
  }

  /** The task once it is completed or failed. */
  async ended(taskId: string): Promise<TaskResource> {
    return until(`${taskId} to end`, async () => {
      const { body } = await this.http.get(`/nexus/tasks/${taskId}`);
      const task = body as TaskResource;
      return (task.status === 'completed' || task.status === 'failed') && task;
    });
  }

  /** Resolves when the documents can be found. @throws Error where one of them was refused */
  async put(
    space: string,
    documents: readonly IngestDocument[],
    more: Partial<IngestRequest> = {},
  ): Promise<TaskResource> {
    const task = await this.ended(await this.ingest(space, documents, more));
    if (task.status !== 'completed' || task.errors.length > 0) throw new Error(JSON.stringify(task));
    return task;
  }

  /** A space as lists show it; undefined where there is none. */
  async described(space: string): Promise<SpaceResource | undefined> {
    const { status, body } = await this.http.get(`/nexus/spaces/${space}`);
    return status === 200 ? (body as SpaceResource) : undefined;
  }

  /** That ingest goes on: what is put there now is found. */
  async goesOn(space: string): Promise<void> {
    await this.put(space, [{ document_id: 'last', text: 'zebra crossing' }]);
    const { hits } = await this.ask(space, { query: 'zebra' });
    if (idsOf(hits).join() !== 'last') throw new Error(`found ${idsOf(hits).join() || 'nothing'}`);
  }

  query(space: string, query: NexusQuery | Record<string, unknown>): Promise<Answer> {
    return this.http.post(`/nexus/spaces/${space}/query`, query);
  }

  /** @throws Error that has the answer, where it is not 200 */
  async ask(space: string, query: NexusQuery): Promise<NexusAnswer> {
    const { status, body, text } = await this.query(space, query);
    if (status !== 200) throw new Error(`${status} ${text}`);
    return body as NexusAnswer;
  }

  /** Every page of a query, `between` run before each but the first. */
  async walk(space: string, query: NexusQuery, between: (page: number) => Promise<unknown> = async () => {}) {
    const hits: NexusHit[] = [];
    const pages: NexusAnswer[] = [];
    let cursor: string | undefined;
    do {
      if (cursor !== undefined) await between(pages.length);
      const page = await this.ask(space, { ...query, ...(cursor === undefined ? {} : { cursor }) });
      pages.push(page);
      hits.push(...page.hits);
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined && pages.length < 1000);
    return { hits, pages };
  }
}

/** Routes a kind of store, as an operator. */
export async function route(stack: Stack, body: Record<string, unknown>): Promise<void> {
  const operator = { 'content-type': 'application/json', 'x-tenant-id': 't_system', 'x-roles': 'system' };
  const { status, text } = await stack.http().send('PUT', '/nexus/routes', JSON.stringify(body), operator);
  if (status !== 200 && status !== 201) throw new Error(`${status} ${text}`);
}

export const idsOf = (hits: readonly { document_id: string }[]): string[] => hits.map(({ document_id }) => document_id);

/** Status and code of a refusal. */
export const refusalOf = ({ status, body }: Answer): [status: number, code: unknown] => [
  status,
  (body as { error?: { code?: string } } | undefined)?.error?.code,
];

function taskOf({ status, body, text }: Answer): string {
  if (status !== 202) throw new Error(`${status} ${text}`);
  return (body as { task_id: string }).task_id;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
