import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ResearchRunList } from '@runspine/contracts';
import { type RunningGateway, runGateway, untilReady } from '../running-gateway.fixture.js';

// Real: gateway, Kafka, PostgreSQL. Not real: the projector; the test writes rows in its place.
let gateway: RunningGateway;
let other: RunningGateway;

beforeAll(async () => {
  gateway = await runGateway(process.env);
  other = await runGateway(process.env);
  await Promise.all([untilReady(gateway), untilReady(other)]);
  for (let at = 0; at < 12; at += 1) await put({ id: `run-${at}`, minutes: at });
  await put({ id: 'pack', kind: 3, minutes: 20 });
  await put({ id: 'open', kind: 2, open: 1, minutes: 21, project: 'elsewhere' });
  await put({ id: 'old', minutes: 20 * 24 * 60 });
  await put({ id: 'secret', tenant: 'beta' });
  await put({ id: 'staged', env: 'staging' });
});
afterAll(async () => {
  await other.remove();
  await gateway.remove();
});

interface Row {
  id: string;
  tenant?: string;
  env?: string;
  project?: string;
  kind?: number;
  open?: number;
  minutes?: number;
}

async function put({ id, tenant = 'default', env = 'default', project = 'default', ...more }: Row): Promise<void> {
  const { kind = 0, open = 0, minutes = 0 } = more;
  const at = new Date(Date.now() - minutes * 60_000).toISOString();
  for (const { owner } of [gateway, other]) {
    await owner.query('INSERT INTO proj_research_runs VALUES ($1, $2, $3, $4, $5, $6, $6, $7, 0, 1, 2, 3, 4, 5)', [
      tenant,
      env,
      project,
      id,
      kind,
      at,
      open,
    ]);
  }
}

async function get(query: string, headers: Record<string, string> = {}, { address } = gateway) {
  const answer = await fetch(`${address}/nexus/runs${query}`, { headers });
  return { status: answer.status, body: (await answer.json()) as ResearchRunList & { error: { code: string } } };
}
const ids = ({ body }: { body: ResearchRunList }) => body.items.map(({ id }) => id);

describe('GET /nexus/runs', () => {
  it('gives the runs of a week, the last begun first', async () => {
    const answer = await get('');
    expect(answer.status).toBe(200);
    expect(ids(answer)).toEqual([...Array.from({ length: 12 }, (_, at) => `run-${at}`), 'pack', 'open']);
    expect(answer.body.next_cursor).toBeNull();
    expect(answer.body.items[0]).toEqual({
      id: 'run-0',
      tenant: 'default',
      env: 'default',
      project: 'default',
      kind: 'search',
      status: 'completed',
      started_at: expect.stringMatching(/Z$/),
      last_event_at: expect.stringMatching(/Z$/),
      counts: { cards: 1, atoms: 2, searches: 3, packs: 4, assets: 5 },
    });
  });

  it('of another window, of one kind, status and project', async () => {
    expect(ids(await get('?window_days=30')).at(-1)).toBe('old');
    expect(ids(await get('?kind=pack'))).toEqual(['pack']);
    expect(ids(await get('?status=running'))).toEqual(['open']);
    expect(ids(await get('?project=elsewhere'))).toEqual(['open']);
    expect(ids(await get('?project=elsewhere&kind=search'))).toEqual([]);
  });

  it('page after page, each run once', async () => {
    const seen: string[] = [];
    let query = '?limit=4';
    for (let pages = 0; pages < 5; pages += 1) {
      const answer = await get(query);
      seen.push(...ids(answer));
      if (answer.body.next_cursor === null) break;
      query = `?limit=4&cursor=${encodeURIComponent(answer.body.next_cursor)}`;
    }
    expect(seen).toEqual(ids(await get('')));
  });

  it('refuses what it does not know', async () => {
    const refused = [
      '?window_days=0',
      '?window_days=91',
      '?window_days=x',
      '?kind=none',
      '?status=created',
      '?limit=201',
    ];
    for (const query of [
      ...refused,
      '?since=1',
      '?cursor=',
      '?kind=pack&kind=search',
      "?project='",
      '?window_days=-1',
    ]) {
      const { status, body } = await get(query);
      expect([query, status, body.error.code]).toEqual([query, 400, 'request.invalid']);
    }
  });
});

describe('whose they are', () => {
  it('of the caller alone: another tenant and env see none of them', async () => {
    expect(ids(await get('', { 'x-tenant-id': 'beta' }))).toEqual(['secret']);
    expect(ids(await get('', { 'x-env': 'staging' }))).toEqual(['staged']);
    expect(ids(await get('', { 'x-tenant-id': 'beta', 'x-env': 'staging' }))).toEqual([]);
    expect(ids(await get('?project=default', { 'x-tenant-id': 'gamma' }))).toEqual([]);
  });

  it('a role that may not read is refused', async () => {
    expect((await get('', { 'x-roles': 'writer' })).status).toBe(403);
  });

  it('a cursor leads nowhere but in its own list: other tenant, env, filters, gateway, or a changed letter', async () => {
    const cursor = (await get('?limit=2')).body.next_cursor!;
    const given = `?limit=2&cursor=${encodeURIComponent(cursor)}`;
    expect((await get(given)).status).toBe(200);
    const changed = (cursor[0] === 'e' ? 'f' : 'e') + cursor.slice(1);
    const attempts: [string, Record<string, string>?, RunningGateway?][] = [
      [given, { 'x-tenant-id': 'beta' }],
      [given, { 'x-env': 'staging' }],
      [`${given}&kind=pack`],
      [`${given}&window_days=30`],
      [`?cursor=${encodeURIComponent(changed)}`],
      [given, {}, other],
    ];
    for (const [query, headers, at] of attempts) {
      const { status, body } = await get(query, headers, at);
      expect([query, status, body.error?.code]).toEqual([query, 400, 'cursor.invalid']);
    }
    const runs = await fetch(`${gateway.address}/v1/runs?cursor=${encodeURIComponent(cursor)}`);
    expect(runs.status).toBe(400);
  });
});
