import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newTaskId, RESEARCH_KINDS } from '@runspine/contracts';
import { openPool, ReadStore, ResearchQueries } from '@runspine/projections';
import { nexusOf, RunningNexus } from '../nexus/running-nexus.fixture.js';

// Real: Kafka, PostgreSQL, the consumer. Not real: the dead letter topic; letters are kept in memory.
let nexus: RunningNexus;
let store: ReadStore;
let queries: ResearchQueries;

beforeAll(async () => {
  nexus = await RunningNexus.start(process.env);
  store = new ReadStore({
    databaseUrl: nexus.owner.options.connectionString!,
    role: 'runspine_gateway',
    connectionsMax: 2,
  });
  queries = new ResearchQueries(store);
});
afterAll(async () => {
  await store.close();
  await nexus.remove();
});

const DAY_MS = 24 * 60 * 60 * 1000;
const since = (days = 7) => new Date(Date.now() - days * DAY_MS).toISOString();
const list = async (tenantId: string, filters: object = {}, env = 'prod') =>
  (await queries.list({ tenantId, env }, since(), filters, { limit: 200 })).items;
const of = (tenantid: string, correlationid = 'study', more: object = {}) => ({ tenantid, correlationid, ...more });
const inSpace = (space_id: string) => ({
  space: { scope: 'tenant', project: 'default', surface: 'default', space_id },
});
const rows = async () =>
  (await nexus.owner.query('SELECT * FROM proj_research_runs ORDER BY tenant_id, env, project_id, id'))
    .rows as object[];

describe('a research run', () => {
  it('follows its tasks, questions, packs and assets, over every partition', async () => {
    const envelope = of('acme');
    const tasks = Array.from({ length: 8 }, () => newTaskId());
    const spaces = tasks.map((_, index) => inSpace(`space-${index}`));
    await nexus.send(
      ...tasks.map((task_id, index) =>
        nexusOf('nexus.ingest_requested', { task_id, document_count: 2, ...spaces[index] }, envelope),
      ),
      ...spaces.map((space) => nexusOf('nexus.searched', space, envelope)),
    );
    expect(await list('acme')).toMatchObject([
      { id: 'study', kind: 'ingest', status: 'running', counts: { searches: 8 } },
    ]);
    await nexus.send(
      nexusOf('nexus.raw_asset_created', { asset_id: 'a', space: undefined }, envelope),
      ...tasks.map((task_id, index) =>
        nexusOf('nexus.ingest_completed', { task_id, documents: 2, chunks: 5, ...spaces[index] }, envelope),
      ),
      nexusOf('nexus.pack_created', { pack_id: 'p', space: undefined }, envelope),
    );
    const [run, ...others] = await list('acme');
    expect(others).toEqual([]);
    expect(run).toEqual({
      id: 'study',
      tenant: 'acme',
      env: 'prod',
      project: 'default',
      kind: 'pack',
      status: 'completed',
      started_at: expect.stringMatching(/^20.*Z$/),
      last_event_at: expect.stringMatching(/^20.*Z$/),
      counts: { cards: 16, atoms: 40, searches: 8, packs: 1, assets: 1 },
    });
    expect(run!.started_at < run!.last_event_at).toBe(true);
  });

  it('of a failed task is failed, until it is done after all', async () => {
    const envelope = of('acme', 'failing');
    const task_id = newTaskId();
    const errors = [{ code: 'x.y', message: 'no' }];
    await nexus.send(
      nexusOf('nexus.ingest_requested', { task_id, document_count: 1 }, envelope),
      nexusOf('nexus.ingest_failed', { task_id, errors }, envelope),
    );
    const find = async () => (await list('acme')).find(({ id }) => id === 'failing');
    expect(await find()).toMatchObject({ kind: 'ingest', status: 'failed' });
    await nexus.send(nexusOf('nexus.ingest_completed', { task_id, documents: 1, chunks: 1 }, envelope));
    expect(await find()).toMatchObject({ status: 'completed', counts: { cards: 1, atoms: 1 } });
  });

  it('is the same when events come again, and when the log is read again from its beginning', async () => {
    const envelope = of('acme', 'again');
    const event = nexusOf('nexus.searched', {}, envelope);
    await nexus.send(event, event, nexusOf('nexus.searched', {}, envelope));
    await nexus.send(event);
    const before = await rows();
    expect(before).toContainEqual(expect.objectContaining({ id: 'again', searches: '2' }));
    await nexus.replay();
    expect(await rows()).toEqual(before);
  });

  it('has the kind and status that its sums give, whatever wrote them', async () => {
    const ranks = RESEARCH_KINDS.map((_, rank) => rank);
    const cases = ranks.flatMap((rank) => [0, 2].flatMap((open) => [0, 1].map((failed) => ({ rank, open, failed }))));
    for (const { rank, open, failed } of cases) {
      await nexus.owner.query(
        `INSERT INTO proj_research_runs VALUES ('sums', 'prod', 'default', $1, $2, now(), now(), $3, $4, 0, 0, 0, 0, 0)`,
        [`${rank}-${open}-${failed}`, rank, open, failed],
      );
    }
    const found = await list('sums');
    expect(found).toHaveLength(cases.length);
    for (const { id, kind, status } of found) {
      const [rank, open, failed] = id.split('-').map(Number);
      expect([kind, status]).toEqual([RESEARCH_KINDS[rank!], open ? 'running' : failed ? 'failed' : 'completed']);
    }
  });
});

describe('reading', () => {
  it('gives pages of the last begun first, each once, while others are added', async () => {
    const begun = (minute: number) => new Date(Date.now() - minute * 60_000).toISOString();
    const events = Array.from({ length: 23 }, (_, at) =>
      nexusOf('nexus.searched', {}, of('paged', `run-${at}`, { time: begun(at % 7) })),
    );
    await nexus.send(...events);
    const seen: string[] = [];
    let after: Parameters<typeof queries.list>[3]['after'];
    do {
      const page = await queries.list({ tenantId: 'paged', env: 'prod' }, since(), {}, { limit: 5, after });
      seen.push(...page.items.map(({ id }) => id));
      after = page.next ?? undefined;
      await nexus.send(nexusOf('nexus.searched', {}, of('paged', 'run-3')));
    } while (after);
    expect(seen).toHaveLength(23);
    expect(new Set(seen).size).toBe(23);
    const times = (await list('paged')).map(({ started_at }) => started_at);
    expect(times).toEqual(times.toSorted().reverse());
  });

  it('is of the window by the last event, and of one kind, status and project where asked', async () => {
    const old = new Date(Date.now() - 30 * DAY_MS).toISOString();
    const elsewhere = { ...inSpace('x').space, project: 'elsewhere' };
    await nexus.send(
      nexusOf('nexus.searched', {}, of('window', 'old', { time: old })),
      nexusOf('nexus.searched', {}, of('window', 'long', { time: old })),
      nexusOf('nexus.pack_created', { pack_id: 'p' }, of('window', 'long')),
      nexusOf('nexus.ingest_requested', { task_id: newTaskId(), space: elsewhere }, of('window', 'open')),
    );
    const ids = async (filters: object) => (await list('window', filters)).map(({ id }) => id);
    expect(await ids({})).toEqual(['open', 'long']);
    expect(await ids({ kind: 'pack' })).toEqual(['long']);
    expect(await ids({ status: 'running' })).toEqual(['open']);
    expect(await ids({ project: 'elsewhere' })).toEqual(['open']);
    expect(await ids({ project: 'default', kind: 'search' })).toEqual([]);
    const month = await queries.list({ tenantId: 'window', env: 'prod' }, since(31), {}, { limit: 9 });
    expect(month.items.map(({ id }) => id)).toEqual(['open', 'old', 'long']);
  });
});

describe('whose it is', () => {
  it('one name of a correlation is a run of each tenant, env and project, and counts in none of the others', async () => {
    const shared = { ...inSpace('shared').space, scope: 'global' };
    await nexus.send(
      nexusOf('nexus.searched', {}, of('red', 'shared')),
      nexusOf('nexus.searched', {}, of('blue', 'shared')),
      nexusOf('nexus.searched', {}, of('blue', 'shared')),
      nexusOf('nexus.searched', {}, of('red', 'shared', { env: 'test' })),
      // The same global space, asked by both: the event is of who asked.
      nexusOf('nexus.searched', { space: shared }, of('red', 'shared')),
      nexusOf('nexus.searched', { space: shared }, of('blue', 'shared')),
    );
    const counted = async (tenant: string, env?: string) =>
      (await list(tenant, {}, env)).map(({ id, tenant, env, counts }) => [id, tenant, env, counts.searches]);
    expect(await counted('red')).toEqual([['shared', 'red', 'prod', 2]]);
    expect(await counted('blue')).toEqual([['shared', 'blue', 'prod', 3]]);
    expect(await counted('red', 'test')).toEqual([['shared', 'red', 'test', 1]]);
    expect(await counted('green')).toEqual([]);
  });

  it('a task of the same id, spoken of by another tenant, adds to nothing of the first', async () => {
    const task_id = newTaskId();
    await nexus.send(nexusOf('nexus.ingest_requested', { task_id, document_count: 1 }, of('owner', 'mine')));
    nexus.deadLetters.splice(0);
    await nexus.send(
      nexusOf('nexus.ingest_completed', { task_id, documents: 9, chunks: 9 }, of('thief', 'mine')),
      nexusOf(
        'nexus.indexed',
        { version: 1, documents: 9, chunks: 9, tasks: [{ task_id, documents: 9, chunks: 9 }] },
        of('thief', 'mine'),
      ),
    );
    expect(nexus.deadLetters).toHaveLength(1);
    expect(await list('owner')).toMatchObject([{ status: 'running', counts: { cards: 0, atoms: 0 } }]);
    expect(await list('thief')).toEqual([]);
  });

  it('row-level security holds where a query forgets the tenant, and nobody but the projector writes', async () => {
    const url = nexus.owner.options.connectionString!;
    const gateway = openPool({ databaseUrl: url, role: 'runspine_gateway', connectionsMax: 1 });
    const service = openPool({ databaseUrl: url, role: 'runspine_nexus', connectionsMax: 1 });
    const projector = openPool({ databaseUrl: url, role: 'runspine_projector', connectionsMax: 1 });
    try {
      expect((await gateway.query('SELECT * FROM proj_research_runs')).rows).toEqual([]);
      await gateway.query("SET runspine.tenant = 'red'");
      const seen = await gateway.query<{ tenant_id: string }>('SELECT tenant_id FROM proj_research_runs');
      expect(new Set(seen.rows.map(({ tenant_id }) => tenant_id))).toEqual(new Set(['red']));
      for (const pool of [gateway, service]) {
        await expect(pool.query('UPDATE proj_research_runs SET cards = 0')).rejects.toThrow('permission denied');
      }
      await expect(service.query('SELECT * FROM proj_research_runs')).rejects.toThrow('permission denied');
      await expect(projector.query('DELETE FROM proj_research_runs')).rejects.toThrow('permission denied');
    } finally {
      await Promise.all([gateway.end(), service.end(), projector.end()]);
    }
  });
});
