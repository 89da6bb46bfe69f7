import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NexusAnswer } from '@runspine/contracts';
import { HttpClient } from '../stack/http-client.js';
import { runBuilt } from '../stack/service-process.js';
import { idsOf, quickNexus, refusalOf, Spaces } from '../stack/spaces.js';
import { startStack, type Stack } from '../stack/stack.js';

/*
 * What one tenant can try to come by another's documents, through the gateway and at nexus itself, which any process of
 * the machine can reach. Real: everything.
 */

const SECRET = 'the launch code of acme';
let stack: Stack;
let acme: Spaces;
let evil: Spaces;
/** Nexus, without the gateway before it. */
let nexus: HttpClient;

beforeAll(async () => {
  stack = await startStack({ gateways: 1, nexuses: 1, settings: await quickNexus() });
  acme = new Spaces(stack.http()).as({ 'x-tenant-id': 'acme' });
  evil = new Spaces(stack.http()).as({ 'x-tenant-id': 'evil' });
  nexus = new HttpClient(() => stack.nexuses[0]!.address);
  const texts = (name: string) =>
    [1, 2, 3].map((at) => ({ document_id: `${name}${at}`, text: `${SECRET}, ${name} ${at}` }));
  await acme.put('notes', texts('acme'));
  await evil.put('notes', texts('evil'));
}, 120_000);
afterAll(() => stack.close());

describe('cursors and snapshots', () => {
  const query = { query: 'launch code', mode: 'text' as const, top_k: 1 };
  let answer: NexusAnswer;
  beforeAll(async () => {
    answer = await acme.ask('notes', query);
  });

  it.each([
    ['another tenant', { 'x-tenant-id': 'evil' }],
    ['another env', { 'x-tenant-id': 'acme', 'x-env': 'other' }],
    ['another project', { 'x-tenant-id': 'acme', 'x-project-id': 'other' }],
    ['another surface', { 'x-tenant-id': 'acme', 'x-surface-id': 'other' }],
  ])('are worth nothing to %s', async (_, headers) => {
    for (const asked of [new Spaces(stack.http().with(headers)), new Spaces(nexus.with(headers))]) {
      expect(refusalOf(await asked.query('notes', { ...query, cursor: answer.next_cursor! }))).toEqual([
        410,
        'nexus.cursor_invalid',
      ]);
      expect(refusalOf(await asked.query('notes', { ...query, as_of: answer.snapshot }))).toEqual([
        400,
        'nexus.snapshot_invalid',
      ]);
    }
  });

  it('cannot be changed, nor taken for each other', async () => {
    const [text = '', mac] = answer.next_cursor!.split('.');
    const sealed = JSON.parse(Buffer.from(text, 'base64url').toString()) as object;
    for (const change of [{ n: 0 }, { o: 2 }, { g: 1 }, { d: 1000 }, { r: 'x' }]) {
      const forged = Buffer.from(JSON.stringify({ ...sealed, ...change })).toString('base64url');
      expect(refusalOf(await acme.query('notes', { ...query, cursor: `${forged}.${mac}` }))[0]).toBe(410);
    }
    expect(refusalOf(await acme.query('notes', { ...query, cursor: answer.snapshot }))[0]).toBe(410);
    expect(refusalOf(await acme.query('notes', { ...query, as_of: answer.next_cursor! }))[0]).toBe(400);
  });
});

describe('nexus itself', () => {
  it.each([
    '..%2f..%2facme',
    '..',
    '%2e%2e',
    'notes%00',
    'notes%2f..%2fx',
    'NOTES',
    '_blobs',
    '__proto__',
    '%c0%ae%c0%ae',
  ])('opens no space called %s', async (id) => {
    for (const http of [nexus, stack.http()]) {
      expect((await http.post(`/nexus/spaces/${id}/query`, { query: 'x' })).status).toBeGreaterThanOrEqual(400);
      expect((await http.get(`/nexus/spaces/${id}`)).status).toBeGreaterThanOrEqual(400);
    }
  });

  it.each(['../acme', 'acme/../evil', 'ACME', '', 'evil,acme', 't_system/..'])(
    'has no corner called %j',
    async (name) => {
      for (const header of ['x-tenant-id', 'x-env', 'x-project-id', 'x-surface-id']) {
        const answer = await nexus.with({ [header]: name }).post('/nexus/spaces/notes/query', { query: 'x' });
        expect(refusalOf(answer)).toEqual([400, 'request.invalid']);
      }
    },
  );

  it('asks for the roles again, and for admin where global spaces are shown', async () => {
    for (const roles of ['', 'writer', 'ingester']) {
      const http = nexus.with({ 'x-roles': roles });
      expect(refusalOf(await http.post('/nexus/spaces/notes/query', { query: 'x' }))).toEqual([403, 'auth.forbidden']);
      expect(refusalOf(await http.get('/nexus/spaces'))).toEqual([403, 'auth.forbidden']);
    }
    expect(refusalOf(await nexus.get('/nexus/spaces?scope=global'))).toEqual([403, 'auth.forbidden']);
    expect(refusalOf(await nexus.get('/nexus/spaces?scope=tenant&scope=global'))).toEqual([400, 'request.invalid']);
  });

  it('does not take the second of two tenants, nor a name that is not of this machine', async () => {
    const get = (headers: string) => raw(`GET /nexus/spaces HTTP/1.1\r\n${headers}connection: close\r\n\r\n`);
    expect(await get('host: localhost\r\nx-tenant-id: evil\r\nx-tenant-id: acme\r\n')).toMatch(/^HTTP\/1.1 400/);
    expect(await get('host: evil.example\r\nx-tenant-id: acme\r\n')).toMatch(/^HTTP\/1.1 403/);
    expect(await get('host: localhost\r\nx-tenant-id: acme\r\n')).toMatch(/^HTTP\/1.1 200/);
  });

  it.each(['0.0.0.0', '::', '10.1.2.3', '127.0.0.1.nip.io'])('refuses to listen on %s in development', async (host) => {
    const env = { ...stack.env, RUNSPINE_NEXUS_HOST: host };
    const { code, output } = await runBuilt('apps/nexus/dist/main.js', [], env);
    expect(code).toBe(1);
    expect(output).toContain('RUNSPINE_NEXUS_HOST');
  });
});

describe('filters', () => {
  it.each([
    { document_id: "x' OR '1'='1" },
    { document_id: "acme1' OR true --" },
    { 'metadata.k': 'v" || "1"=="1' },
    { 'metadata.k") || exists(@.char_start': 'v' },
    { "metadata.x') OR true OR json_exists(metadata_json, '$.char_start": { $exists: true } },
  ])('%j is nothing but a value that nothing has', async (filter) => {
    const { hits } = await acme.ask('notes', { query: 'launch', mode: 'text', filter });
    expect(hits).toEqual([]);
  });

  it('of more than can be compared in good time are refused', async () => {
    const many = (from: number) => Array.from({ length: 900 }, (_, at) => `w${from}-${at}`);
    const filter = { $or: [0, 1, 2].map((at) => ({ 'metadata.k': { $in: many(at) } })) };
    expect(refusalOf(await acme.query('notes', { query: 'x', filter }))).toEqual([400, 'nexus.filter_invalid']);
  });
});

it("another tenant's blobs, tasks and documents are as if there were none", async () => {
  const bytes = { 'content-type': 'application/octet-stream' };
  const put = await acme.http.send('POST', '/nexus/blobs', SECRET, bytes);
  const { blob_uri } = put.body as { blob_uri: string };
  const stolen = await evil.send('loot', [{ document_id: 'x', blob_uri }]);
  expect(refusalOf(stolen)).toEqual([404, 'nexus.blob_not_found']);
  for (const uri of [
    'file:///etc/passwd',
    'blob://../../../acme/x',
    'blob:///etc/passwd',
    's3://b/x',
    'blob://.x',
    'blob://a//b',
  ]) {
    expect(refusalOf(await evil.send('loot', [{ document_id: 'x', blob_uri: uri }]))).toEqual([400, 'request.invalid']);
  }
  const task = await acme.ingest('notes', [{ document_id: 'late', text: SECRET }]);
  await acme.ended(task);
  expect(refusalOf(await evil.http.get(`/nexus/tasks/${task}`))).toEqual([404, 'nexus.task_not_found']);
  expect(refusalOf(await evil.query('notes', { query: 'x', after_task: task }))).toEqual([404, 'nexus.task_not_found']);
  expect(refusalOf(await evil.send('notes', [{ text: 'x' }], { scope: 'global' }))[1]).toBe(
    'nexus.global_write_forbidden',
  );
  const { hits } = await evil.ask('notes', { query: 'launch code', include_global: true, top_k: 100 });
  expect(idsOf(hits).sort()).toEqual(['evil1', 'evil2', 'evil3']);
});

function raw(text: string): Promise<string> {
  const { hostname, port } = new URL(stack.nexuses[0]!.address);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}
