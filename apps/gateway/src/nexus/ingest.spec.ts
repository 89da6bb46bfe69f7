import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openBlobStore } from '@runspine/blobs';
import { errorOf, IngestCaller, taskOf } from './ingest-caller.fixture.js';

let caller: IngestCaller;
const send: IngestCaller['send'] = (...asked) => caller.send(...asked);
const ingest: IngestCaller['ingest'] = (...asked) => caller.ingest(...asked);
const sent = () => caller.sent();

beforeAll(async () => {
  caller = await IngestCaller.start(process.env);
});
afterAll(() => caller.remove());
beforeEach(() => void (caller.correlation = `c-${Math.random()}`));

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
    const { address } = caller.gateway;
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ documents: [{ text: 'x' }] });
    const plain = await fetch(`${address}/nexus/spaces/handbook/ingest`, { method: 'POST', headers, body });
    caller.correlation = await taskOf(plain);
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
});

describe('a payload over 256 KiB', () => {
  const text = 'x'.repeat(300 * 1024);
  const headers = { 'x-tenant-id': 'stored' };
  const owner = { tenantId: 'stored', env: 'default', projectId: 'default' };
  const blobs = () => openBlobStore({ uri: `file://${caller.folder}`, options: {}, owner });

  beforeAll(async () => {
    await caller.gateway.owner.query(
      `INSERT INTO resource_routes VALUES ('stored', 'nexus_blob_store', '*', '*', $1, '{}', now(), 'test')`,
      [`file://${caller.folder}`],
    );
    await caller.untilTaken({ documents: [{ text }] }, headers);
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
