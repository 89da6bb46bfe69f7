import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openBlobStore } from '@runspine/blobs';
import { newTaskId, type NexusEvent } from '@runspine/contracts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningGateway, runGateway, untilReady } from '../running-gateway.fixture.js';
import { readTopic } from './topic-reader.fixture.js';

// Real: Kafka, PostgreSQL, the gateway, blobs in a local folder. Nobody projects; tasks are written by the test.
let gateway: RunningGateway;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runspine-ingest-'));
  gateway = await runGateway(process.env, { RUNSPINE_ROUTE_FILE_ROOTS: folder, RUNSPINE_ROUTES_REFRESH_MS: '50' });
  await untilReady(gateway);
  await untilTaken({ documents: [{ text: 'x' }] });
});
afterAll(async () => {
  await gateway.remove();
  await rm(folder, { recursive: true, force: true });
});
let correlation = 'start';
beforeEach(() => void (correlation = `c-${Math.random()}`));

type Requested = Extract<NexusEvent, { type: 'nexus.ingest_requested' }>;
const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  fetch(`${gateway.address}${path}`, {
    method,
    headers: {
      'x-correlation-id': correlation,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
const ingest = (body: unknown, headers?: Record<string, string>) =>
  send('POST', '/nexus/spaces/handbook/ingest', body, headers);
const taskOf = async (answer: Response) => ((await answer.json()) as { task_id: string }).task_id;
const errorOf = async (answer: Response) =>
  ((await answer.json()) as { error: { code: string; details: { faults?: { path: string }[] } } }).error;
const sent = async () =>
  (await readTopic(gateway, 'nexus')).filter(({ correlationid }) => correlationid === correlation) as Requested[];

describe('an ingest', () => {
  it('is a task: 202 with its id, and an event with its documents', async () => {
    const documents = [
      { document_id: 'a', text: 'one', type: 'note', metadata: { n: 1 }, occurred_at: '2026-01-01T00:00:00Z' },
      {
        chunks: [
          { text: 'two', vector: [1, 0] },
          { text: 'three', vector: [0, 1] },
        ],
      },
    ];
    const headers = { 'x-tenant-id': 'acme', 'x-env': 'prod', 'x-project-id': 'p', 'x-surface-id': 's' };
    const answer = await ingest({ documents, chunking: { chunk_chars: 500 } }, headers);
    const body = (await answer.json()) as { task_id: string };

    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe(`/nexus/tasks/${body.task_id}`);
    expect(body).toEqual({ task_id: expect.stringMatching(/^task_[0-9a-f]{32}$/) });
    expect(await sent()).toMatchObject([
      {
        type: 'nexus.ingest_requested',
        source: '/gateway',
        tenantid: 'acme',
        env: 'prod',
        subject: 'acme/prod/p/s/handbook',
        data: {
          task_id: body.task_id,
          space: { scope: 'tenant', project: 'p', surface: 's', space_id: 'handbook' },
          documents: [documents[0], { document_id: `${body.task_id}-1`, ...documents[1] }],
          document_count: 2,
          chunking: { chunk_chars: 500 },
        },
      },
    ]);
  });

  it('belongs to its own task where the caller names no correlation', async () => {
    const { address } = gateway;
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ documents: [{ text: 'x' }] });
    const plain = await fetch(`${address}/nexus/spaces/handbook/ingest`, { method: 'POST', headers, body });
    correlation = await taskOf(plain);
    expect(await sent()).toHaveLength(1);
  });

  it('into the global space is for t_system, admins and the system; it goes to the path of t_system', async () => {
    const body = { scope: 'global', documents: [{ document_id: 'a', text: 'x' }] };
    const refused = await ingest(body, { 'x-tenant-id': 'acme' });
    expect([refused.status, (await errorOf(refused)).code]).toEqual([403, 'nexus.global_write_forbidden']);
    const writers: Record<string, string>[] = [
      { 'x-roles': 'admin' },
      { 'x-roles': 'system' },
      { 'x-tenant-id': 't_system' },
    ];
    for (const headers of writers) {
      expect((await ingest(body, headers)).status).toBe(202);
    }
    expect((await ingest({ ...body, scope: 'tenant' }, { 'x-tenant-id': 't_system' })).status).toBe(202);
    const events = await sent();
    expect(events.map(({ subject, data }) => [subject, data.space.scope])).toEqual(
      Array(4).fill(['t_system/default/default/default/handbook', 'global']),
    );
    expect(events.map(({ tenantid }) => tenantid).sort()).toEqual(['default', 'default', 't_system', 't_system']);
  });

  it('needs the role ingester', async () => {
    const answer = await ingest({ documents: [{ text: 'x' }] }, { 'x-roles': 'reader' });
    expect([answer.status, (await errorOf(answer)).code]).toEqual([403, 'auth.forbidden']);
  });

  const wide = (length: number) => Array(length).fill(0.5);
  it.each([
    ['no body', undefined, '/'],
    ['no documents', {}, '/documents'],
    ['an empty list', { documents: [] }, '/documents'],
    ['a field that nobody knows', { documents: [{ text: 'x' }], extra: 1 }, '/extra'],
    ['a field of a document that nobody knows', { documents: [{ text: 'x', vektor: [1] }] }, '/documents/0/vektor'],
    ['no form', { documents: [{ document_id: 'a' }] }, '/documents/0'],
    ['two forms', { documents: [{ text: 'x', chunks: [{ text: 'y' }] }] }, '/documents/0'],
    ['blank text', { documents: [{ text: ' \n' }] }, '/documents/0/text'],
    ['an empty chunk', { documents: [{ chunks: [{ text: '' }] }] }, '/documents/0/chunks/0/text'],
    [
      'one id twice',
      {
        documents: [
          { document_id: 'a', text: 'x' },
          { document_id: 'a', text: 'y' },
        ],
      },
      '/documents/1/document_id',
    ],
    ['an id of control characters', { documents: [{ document_id: 'a\n', text: 'x' }] }, '/documents/0/document_id'],
    [
      'two dimensions',
      { documents: [{ text: 'x', vector: wide(3) }, { chunks: [{ text: 'y', vector: wide(4) }] }] },
      '/documents/1/chunks/0/vector',
    ],
    ['an empty vector', { documents: [{ text: 'x', vector: [] }] }, '/documents/0/vector'],
    ['null in a vector', { documents: [{ text: 'x', vector: [1, null] }] }, '/documents/0/vector/1'],
    ['infinity in a vector', '{"documents":[{"text":"x","vector":[1e999]}]}', '/documents/0/vector/0'],
    ['more than a 32-bit float holds', { documents: [{ text: 'x', vector: [1e39] }] }, '/documents/0/vector/0'],
    ['no time', { documents: [{ text: 'x', occurred_at: '2026-02-31T00:00:00Z' }] }, '/documents/0/occurred_at'],
    ['NUL in a text', { documents: [{ text: 'a\u0000' }] }, '/documents/0/text'],
    ['another scope', { scope: 'all', documents: [{ text: 'x' }] }, '/scope'],
    ['a file', { documents: [{ blob_uri: 'file:///etc/passwd' }] }, '/documents/0/blob_uri'],
    ['a blob above its folder', { documents: [{ blob_uri: 'blob://../other/key' }] }, '/documents/0/blob_uri'],
    ['a blob of another host', { documents: [{ blob_uri: 's3://bucket/key' }] }, '/documents/0/blob_uri'],
  ])('with %s is 400, with the path, and nothing is sent', async (_what, body, path) => {
    const answer = await ingest(body);
    expect(answer.status).toBe(400);
    const { code, details } = await errorOf(answer);
    expect(code).toBe('request.invalid');
    expect(details.faults!.map((fault) => fault.path)).toContain(path);
    expect(await sent()).toEqual([]);
  });

  it('has a largest size: 1,000 documents, 16 MiB', async () => {
    const documents = Array.from({ length: 1001 }, (_, index) => ({ document_id: `d${index}`, text: 'x' }));
    const many = await ingest({ documents });
    expect(many.status).toBe(413);
    expect(await errorOf(many)).toMatchObject({ code: 'request.too_large', details: { documents_max: 1000 } });
    expect((await ingest({ documents: documents.slice(1) })).status).toBe(202);
    const large = await ingest({ documents: [{ text: 'x'.repeat(16 * 1024 * 1024) }] });
    expect(large.status).toBe(413);
    expect(await errorOf(large)).toMatchObject({ details: { bytes_max: 16 * 1024 * 1024 } });
    // Every other body stays as small as before.
    const query = await send('POST', '/nexus/spaces/handbook/query', { query: 'x'.repeat(1024 * 1024) });
    expect([query.status, (await errorOf(query)).code]).toEqual([413, 'request.too_large']);
  });

  it('over 256 KiB without a place for blobs is 503, and nothing is sent', async () => {
    const answer = await ingest({ documents: [{ text: 'x'.repeat(300 * 1024) }] });
    expect([answer.status, (await errorOf(answer)).code]).toEqual([503, 'nexus_blob_store.missing_route']);
    expect(await sent()).toEqual([]);
  });
});

describe('a payload over 256 KiB', () => {
  const text = 'x'.repeat(300 * 1024);
  const headers = { 'x-tenant-id': 'stored' };
  const owner = { tenantId: 'stored', env: 'default', projectId: 'default' };
  const blobs = () => openBlobStore({ uri: `file://${folder}`, options: {}, owner });

  beforeAll(async () => {
    await gateway.owner.query(
      `INSERT INTO resource_routes VALUES ('stored', 'nexus_blob_store', '*', '*', $1, '{}', now(), 'test')`,
      [`file://${folder}`],
    );
    await untilTaken({ documents: [{ text }] }, headers);
  });

  it('goes to the blob store of the caller’s route; the event names it', async () => {
    const task_id = await taskOf(await ingest({ documents: [{ document_id: 'a', text }, { text: 'b' }] }, headers));
    const [event] = await sent();
    expect(event!.data).toEqual({
      task_id,
      space: expect.anything(),
      payload_blob: { tenant: 'stored', env: 'default', project: 'default', key: expect.stringContaining(task_id) },
      document_count: 2,
    });
    const payload = await (await blobs()).getBytes(event!.data.payload_blob!.key);
    expect(JSON.parse(payload.toString('utf8'))).toEqual({
      documents: [
        { document_id: 'a', text },
        { document_id: `${task_id}-1`, text: 'b' },
      ],
    });
  });

  it('may be named by a document instead, where the caller’s own route has it', async () => {
    await (await blobs()).putBytes('uploads/1', Buffer.from('text'));
    const document = { document_id: 'a', blob_uri: 'blob://uploads/1' };
    expect((await ingest({ documents: [document] }, headers)).status).toBe(202);
    expect((await sent())[0]!.data.documents).toEqual([
      {
        document_id: 'a',
        blob: { tenant: 'stored', env: 'default', project: 'default', key: 'uploads/1' },
      },
    ]);
    const missing = await ingest(
      { documents: [{ text: 'x' }, { ...document, blob_uri: 'blob://uploads/2' }] },
      headers,
    );
    expect(missing.status).toBe(404);
    expect(await errorOf(missing)).toMatchObject({
      code: 'nexus.blob_not_found',
      details: { path: '/documents/1/blob_uri' },
    });
    const others = await ingest({ documents: [document] }, { 'x-tenant-id': 'stored', 'x-project-id': 'other' });
    expect([others.status, (await errorOf(others)).code]).toEqual([404, 'nexus.blob_not_found']);
    expect(await sent()).toHaveLength(1);
  });
});

describe('an idempotency key', () => {
  const body = { documents: [{ text: 'x' }] };

  it('gives one task and one event, however often it is sent', async () => {
    const headers = { 'idempotency-key': `k-${correlation}` };
    const answers = await Promise.all(Array.from({ length: 3 }, () => ingest(body, headers)));
    answers.push(await ingest(body, headers));
    const ids = await Promise.all(answers.map(taskOf));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    expect(new Set(ids).size).toBe(1);
    expect(answers[3]!.headers.get('idempotency-replayed')).toBe('true');
    const ownTenant = await taskOf(await ingest(body, { ...headers, 'x-tenant-id': 'other' }));
    expect(ownTenant).not.toBe(ids[0]);
    const events = await sent();
    expect(new Set(events.map(({ id }) => id)).size).toBe(2);
    expect(events.filter(({ tenantid }) => tenantid === 'default').length).toBe(1);
  });

  it('with another body, path or scope is 422', async () => {
    const headers = { 'idempotency-key': `k-${correlation}`, 'x-roles': 'admin' };
    expect((await ingest(body, headers)).status).toBe(202);
    const others = [
      await ingest({ documents: [{ text: 'y' }] }, headers),
      await ingest({ ...body, scope: 'global' }, headers),
      await send('POST', '/nexus/spaces/other/ingest', body, headers),
    ];
    for (const answer of others) {
      expect([answer.status, (await errorOf(answer)).code]).toEqual([422, 'idempotency.key_reused']);
    }
    expect(await sent()).toHaveLength(1);
  });

  it('is known from the projection where this gateway does not know it', async () => {
    const headers = { 'idempotency-key': `k-${correlation}` };
    const id = await taskOf(await ingest(body, headers));
    const hash = (await sent())[0]!.idempotencyhash;
    const another = await runGateway(process.env);
    try {
      await insertTask(another, id, 'completed', { hash });
      const repeat = { ...headers, 'content-type': 'application/json' };
      const post = (value: unknown) =>
        fetch(`${another.address}/nexus/spaces/handbook/ingest`, {
          method: 'POST',
          headers: repeat,
          body: JSON.stringify(value),
        });
      const again = await post(body);
      expect([again.status, await taskOf(again), again.headers.get('idempotency-replayed')]).toEqual([202, id, 'true']);
      expect((await post({ documents: [{ text: 'y' }] })).status).toBe(422);
    } finally {
      await another.remove();
    }
  });
});

describe('a removal', () => {
  it('is a task, of a document of any printable id', async () => {
    const path = `/nexus/spaces/handbook/documents/${encodeURIComponent('docs/ä b.md#1')}`;
    const answer = await send('DELETE', path);
    expect(answer.status).toBe(202);
    const [event] = await sent();
    expect(event!.data).toEqual({
      task_id: await taskOf(answer),
      space: { scope: 'tenant', project: 'default', surface: 'default', space_id: 'handbook' },
      deletions: ['docs/ä b.md#1'],
    });
  });

  it('from the global space needs what writing to it needs', async () => {
    const path = '/nexus/spaces/handbook/documents/a?scope=global';
    expect((await errorOf(await send('DELETE', path))).code).toBe('nexus.global_write_forbidden');
    expect((await send('DELETE', path, undefined, { 'x-roles': 'admin' })).status).toBe(202);
    expect((await sent())[0]!.subject).toBe('t_system/default/default/default/handbook');
    expect((await send('DELETE', '/nexus/spaces/handbook/documents/a?scope=all')).status).toBe(400);
    expect((await send('DELETE', '/nexus/spaces/handbook/documents/a%00')).status).toBe(400);
  });
});

describe('a task', () => {
  it('is read by its tenant and env; to others it is not there', async () => {
    const id = newTaskId(Date.now() - 3_600_000);
    await insertTask(gateway, id, 'running');
    const answer = await send('GET', `/nexus/tasks/${id}`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      task_id: id,
      space_id: 'handbook',
      scope: 'tenant',
      project: 'default',
      surface: 'default',
      status: 'running',
      documents: 2,
      documents_done: 1,
      chunks: 3,
      version: null,
      errors: [],
      created_at: expect.stringMatching(/Z$/),
      updated_at: expect.stringMatching(/Z$/),
      ended_at: null,
    });
    const strangers: Record<string, string>[] = [{ 'x-tenant-id': 'other' }, { 'x-env': 'other' }];
    for (const headers of strangers) {
      const other = await send('GET', `/nexus/tasks/${id}`, undefined, headers);
      expect([other.status, (await errorOf(other)).code]).toEqual([404, 'nexus.task_not_found']);
    }
    expect((await send('GET', '/nexus/tasks/task_1')).status).toBe(400);
  });

  it('that was just accepted is looked for again for a moment', async () => {
    const id = newTaskId();
    const asked = send('GET', `/nexus/tasks/${id}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await insertTask(gateway, id, 'queued');
    expect((await asked).status).toBe(200);
  });
});

function insertTask(
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

/** Until the gateway knows the partitions of the nexus topic, and where blobs are stored. */
async function untilTaken(body: object, headers?: Record<string, string>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if ((await ingest(body, headers)).status === 202) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('No ingest is taken.');
}
