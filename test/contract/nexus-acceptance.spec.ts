import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { idsOf, quickNexus, refusalOf, route, Spaces } from '../stack/spaces.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

// Real: everything. What nexus is accepted by, each promise by its name.

let stack: Stack;
let acme: Spaces;
let globex: Spaces;
let system: Spaces;

beforeAll(async () => {
  stack = await startStack({ gateways: 1, nexuses: 1, settings: await quickNexus() });
  const anybody = new Spaces(stack.http());
  acme = anybody.as({ 'x-tenant-id': 'acme' });
  globex = anybody.as({ 'x-tenant-id': 'globex' });
  system = anybody.as({ 'x-tenant-id': 't_system', 'x-roles': 'system' });
}, 120_000);
afterAll(() => stack.close());

describe('nexus is accepted', () => {
  it('restart keeps a space', async () => {
    await acme.put('kept', [
      { document_id: 'one', text: 'The harbour opens at dawn.', metadata: { page: 1 } },
      { document_id: 'two', text: 'The harbour closes at dusk.' },
    ]);
    const before = await acme.ask('kept', { query: 'harbour', top_k: 1, include: ['text', 'metadata', 'vector'] });
    const about = (await acme.http.get('/nexus/spaces/kept')).body;
    expect(about).toMatchObject({ rows: 2, documents: 2 });

    const [nexus] = stack.nexuses;
    expect(await nexus!.stop()).toBe('0');
    expect(refusalOf(await acme.query('kept', { query: 'harbour' }))).toEqual([503, 'nexus.unavailable']);
    await nexus!.start();
    await nexus!.ready();

    const after = await acme.ask('kept', { query: 'harbour', top_k: 1, include: ['text', 'metadata', 'vector'] });
    expect(after.hits).toEqual(before.hits);
    expect(after.searched.versions).toEqual(before.searched.versions);
    expect((await acme.http.get('/nexus/spaces/kept')).body).toEqual(about);
    // A cursor of before the restart goes on after it.
    const rest = await acme.ask('kept', { query: 'harbour', top_k: 1, cursor: before.next_cursor! });
    expect([...idsOf(before.hits), ...idsOf(rest.hits)].toSorted()).toEqual(['one', 'two']);

    await acme.put('kept', [{ document_id: 'three', text: 'The harbour has a crane.' }]);
    expect((await acme.http.get('/nexus/spaces/kept')).body).toMatchObject({ rows: 3, documents: 3 });
  });

  it('a missing nexus_store route is 503 nexus_store.missing_route', async () => {
    const unrouted = acme.as({ 'x-tenant-id': 'unrouted' });
    await unrouted.put('notes', [{ document_id: 'one', text: 'written while there was a route' }]);
    const nowhere = { tenant_id: 'unrouted', env: '*', project_id: '*', uri: null };
    await route(stack, { kind: 'nexus_store', ...nowhere });

    const missing = [503, 'nexus_store.missing_route'];
    await until(
      'the route to be in force',
      async () => (await unrouted.query('notes', { query: 'route' })).status === 503,
    );
    expect(refusalOf(await unrouted.query('notes', { query: 'route' }))).toEqual(missing);
    expect(refusalOf(await unrouted.http.post('/nexus/query/explain', { space_id: 'notes', query: 'route' }))).toEqual(
      missing,
    );
    expect(refusalOf(await unrouted.http.get('/nexus/spaces'))).toEqual(missing);
    expect(refusalOf(await unrouted.http.get('/nexus/spaces/notes'))).toEqual(missing);
    // Others have theirs.
    expect((await acme.query('kept', { query: 'harbour' })).status).toBe(200);

    const failed = await unrouted.ended(await unrouted.ingest('notes', [{ document_id: 'two', text: 'too late' }]));
    expect(failed).toMatchObject({ status: 'failed', errors: [{ code: 'nexus_store.missing_route' }] });

    await route(stack, { kind: 'nexus_blob_store', ...nowhere });
    await until(
      'that route to be in force, too',
      async () => (await unrouted.http.post('/nexus/blobs', 'x')).status === 503,
    );
    expect(refusalOf(await unrouted.http.post('/nexus/blobs', 'x'))).toEqual([503, 'nexus_blob_store.missing_route']);
  });

  it('an invalid cursor is 410 nexus.cursor_invalid', async () => {
    const documents = Array.from({ length: 5 }, (_, at) => ({ document_id: `d${at}`, text: `paper number ${at}` }));
    await Promise.all([acme.put('papers', documents), globex.put('papers', documents), acme.put('others', documents)]);
    const { next_cursor: cursor } = await acme.ask('papers', { query: 'paper', top_k: 2 });
    expect((await acme.ask('papers', { query: 'paper', top_k: 2, cursor: cursor! })).hits).toHaveLength(2);

    const gone = [410, 'nexus.cursor_invalid'];
    const flipped = cursor!.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    const middle = cursor!.slice(0, 20) + (cursor![20] === 'x' ? 'y' : 'x') + cursor!.slice(21);
    for (const wrong of ['nonsense', flipped, middle, cursor!.slice(0, -4), `${cursor}AAAA`, '\u0001']) {
      expect(refusalOf(await acme.query('papers', { query: 'paper', top_k: 2, cursor: wrong }))).toEqual(gone);
    }
    const of = { top_k: 2, cursor: cursor! };
    expect(refusalOf(await globex.query('papers', { query: 'paper', ...of }))).toEqual(gone);
    expect(refusalOf(await acme.query('others', { query: 'paper', ...of }))).toEqual(gone);
    expect(refusalOf(await acme.query('papers', { query: 'number', ...of }))).toEqual(gone);
    expect(refusalOf(await acme.query('papers', { query: 'paper', filter: { type: 'x' }, ...of }))).toEqual(gone);
    const elsewhere = acme.as({ 'x-env': 'prod' });
    expect(refusalOf(await elsewhere.query('papers', { query: 'paper', ...of }))).toEqual(gone);
  });

  it('tenant A cannot read tenant B', async () => {
    const secret = { document_id: 'secret', text: 'The vault code is marmalade.' };
    const task = await globex.ingest('vault', [secret]);
    await globex.ended(task);
    const { snapshot, hits } = await globex.ask('vault', { query: 'marmalade' });
    expect(idsOf(hits)).toEqual(['secret']);

    for (const query of [
      { query: 'marmalade' },
      { query: 'marmalade', include_global: true },
      { query: 'vault', mode: 'vector' },
    ] as const) {
      expect((await acme.ask('vault', query)).hits).toEqual([]);
    }
    expect(refusalOf(await acme.http.get('/nexus/spaces/vault'))).toEqual([404, 'nexus.space_not_found']);
    expect((await acme.http.get('/nexus/spaces')).text).not.toContain('vault');
    expect(refusalOf(await acme.http.get(`/nexus/tasks/${task}`))).toEqual([404, 'nexus.task_not_found']);
    expect(refusalOf(await acme.query('vault', { query: 'x', as_of: snapshot }))).toEqual([
      400,
      'nexus.snapshot_invalid',
    ]);
    expect(refusalOf(await acme.query('vault', { query: 'x', after_task: task }))).toEqual([
      404,
      'nexus.task_not_found',
    ]);

    // A removal in one's own space of that name, and a document of that id, touch only one's own.
    await acme.ended(await acme.remove('vault', 'secret'));
    await acme.put('vault', [{ document_id: 'secret', text: 'Nothing here.' }]);
    expect((await globex.ask('vault', { query: 'marmalade' })).hits).toEqual(hits);
    for (const path of [
      '..%2fglobex%2fvault',
      'globex/vault',
      '%2e%2e',
      'Vault',
      'a'.repeat(65),
      '_answers',
      'vault.lance',
    ]) {
      const answer = await acme.query(path, { query: 'marmalade' });
      expect([400, 404]).toContain(answer.status);
      expect(answer.text).not.toContain('marmalade');
    }
  });

  it('include_global merges tenant and global of the same surface with source_scope and no bleed', async () => {
    const marketing = { 'x-surface-id': 'marketing' };
    const near = acme.as(marketing);
    const twin = system.as(marketing);
    const text = (whose: string) => `A guide to lighthouses, by ${whose}.`;
    await near.put('guides', [{ document_id: 'own', text: text('the tenant') }]);
    await twin.put('guides', [{ document_id: 'shared', text: text('everybody') }]);
    // None of these may show: another surface, project, env, space and tenant.
    await Promise.all([
      system.as({ 'x-surface-id': 'health' }).put('guides', [{ document_id: 'surface', text: text('health') }]),
      twin.as({ 'x-project-id': 'other' }).put('guides', [{ document_id: 'project', text: text('a project') }]),
      twin.as({ 'x-env': 'prod' }).put('guides', [{ document_id: 'env', text: text('an env') }]),
      twin.put('manuals', [{ document_id: 'space', text: text('a manual') }]),
      near.as({ 'x-surface-id': 'health' }).put('guides', [{ document_id: 'own-health', text: text('health') }]),
      globex.as(marketing).put('guides', [{ document_id: 'foreign', text: text('globex') }]),
    ]);

    for (const mode of ['text', 'vector', 'hybrid'] as const) {
      const merged = await near.ask('guides', { query: 'lighthouses', mode, include_global: true });
      const scopes = merged.hits.map(({ document_id, source_scope }) => [document_id, source_scope]);
      expect(scopes.toSorted()).toEqual([
        ['own', 'tenant'],
        ['shared', 'global'],
      ]);
      expect(merged.searched.rows).toEqual({ tenant: 1, global: 1 });
      const { hits } = await near.ask('guides', { query: 'lighthouses', mode });
      expect(hits.map(({ document_id, source_scope }) => [document_id, source_scope])).toEqual([['own', 'tenant']]);
    }
    // A surface without a space of its own still has the global one.
    const fresh = await acme
      .as({ 'x-tenant-id': 'newcomer', ...marketing })
      .ask('guides', { query: 'lighthouses', include_global: true });
    expect(fresh.hits.map(({ source_scope }) => source_scope)).toEqual(['global']);
    expect(fresh.searched.versions.tenant).toBeNull();
  });

  it('no vector database process', async () => {
    expect((await acme.ask('papers', { query: 'paper', mode: 'vector' })).hits.length).toBeGreaterThan(0);
    const running = (await processes()).filter(({ parents }) => parents.has(process.pid));
    const ours = running.filter(({ command }) => /apps\/(gateway|projector|nexus)\/dist\/main\.js/.test(command));
    expect(ours).toHaveLength(3);
    // No service started a process of its own, and nothing else of this test runs.
    const services = new Set(ours.map(({ pid }) => pid));
    expect(running.filter(({ parents }) => [...parents].some((pid) => services.has(pid)))).toEqual([]);
    const known = /lancedb|chroma|qdrant|milvus|weaviate|pgvector|elasticsearch|opensearch|vespa|typesense|marqo/i;
    expect(running.map(({ command }) => command).filter((command) => known.test(command))).toEqual([]);
    if (process.platform !== 'linux') return;
    // LanceDB is inside nexus: its library is in that process's memory.
    const nexus = ours.find(({ command }) => command.includes('apps/nexus/'))!;
    expect(await readFile(`/proc/${nexus.pid}/maps`, 'utf8')).toMatch(/lancedb.*\.node/);
  });
});

interface Running {
  readonly pid: number;
  readonly command: string;
  /** All processes above it. */
  readonly parents: ReadonlySet<number>;
}

/** What runs on this machine. */
async function processes(): Promise<Running[]> {
  const found = new Map<number, { command: string; parent: number }>();
  for (const [pid, parent, command] of process.platform === 'linux' ? await readProc() : await askPs()) {
    found.set(pid, { command, parent });
  }
  return [...found].map(([pid, { command, parent }]) => {
    const parents = new Set<number>();
    for (let above = parent; above > 0 && !parents.has(above); above = found.get(above)?.parent ?? 0)
      parents.add(above);
    return { pid, command, parents };
  });
}

type Listed = [pid: number, parent: number, command: string];

async function readProc(): Promise<Listed[]> {
  const listed: Listed[] = [];
  for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    try {
      const command = (await readFile(`/proc/${name}/cmdline`, 'utf8')).replaceAll('\0', ' ');
      const status = await readFile(`/proc/${name}/status`, 'utf8');
      listed.push([Number(name), Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]), command]);
    } catch {
      // It ended meanwhile.
    }
  }
  return listed;
}

async function askPs(): Promise<Listed[]> {
  const { stdout } = await promisify(execFile)('ps', ['-axo', 'pid=,ppid=,command=']);
  return [...stdout.matchAll(/^ *(\d+) +(\d+) +(.*)$/gm)].map(([, pid, parent, command]) => [
    Number(pid),
    Number(parent),
    command!,
  ]);
}
