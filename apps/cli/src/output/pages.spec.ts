import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AdminStandIn } from '../admin/admin-stand-in.fixture.js';
import { called } from '../called.fixture.js';

// Real: the commands. Not real: the gateway, whose pages a small HTTP server gives.
const standIn = new AdminStandIn();
let address: string;
beforeAll(async () => (address = await standIn.start()));
afterAll(() => standIn.close());

const space = (name: string) => ({
  space_id: name,
  scope: 'tenant',
  rows: 2,
  documents: 1,
  bytes: 4096,
  version: 1,
  embedding: { model: 'hash-384', dimension: 384 },
});
const page = (next: string | null, ...names: string[]) => ({ body: { items: names.map(space), next_cursor: next } });
const spaces = (...args: string[]) => called(address, ['nexus', 'spaces', ...args]);
const asked = () => standIn.asked.splice(0).map(({ query }) => query);

it('shows a page, and how there is more', async () => {
  standIn.on('GET /nexus/spaces', page('c1', 'bread', 'cakes'));
  const { out, err } = await spaces();
  expect(out).toMatch(/bread[\s\S]*cakes/);
  expect(err).toContain('There are more: --page 2, --limit 100, or --all');
  expect((await spaces('--limit', '200')).err).toContain('There are more: --page 2, or --all');
  expect((await spaces('--cursor', 'c0')).err).toContain('There are more: --cursor c1, --limit 100, or --all');
  expect(asked()).toEqual([{ limit: '20' }, { limit: '200' }, { limit: '20', cursor: 'c0' }]);
});

it('goes to a page by its number', async () => {
  standIn.on('GET /nexus/spaces', page('c1', 'bread'), page('c2', 'cakes'), page(null, 'dough'));
  const { out, err } = await spaces('--page', '3', '--scope', 'global');
  expect([out.includes('bread'), out.includes('dough'), err]).toEqual([false, true, '']);
  expect(asked()).toEqual([
    { limit: '20', scope: 'global' },
    { limit: '20', scope: 'global', cursor: 'c1' },
    { limit: '20', scope: 'global', cursor: 'c2' },
  ]);
});

it('shows all of them, by large pages', async () => {
  for (const json of [[], ['--json']]) {
    standIn.on('GET /nexus/spaces', page('c1', 'bread'), page(null, 'cakes'));
    expect((await spaces('--all', ...json)).out).toMatch(/bread[\s\S]*cakes/);
    expect(asked()).toEqual([{ limit: '200' }, { limit: '200', cursor: 'c1' }]);
  }
});

it('gives programs a line an item, and the next cursor beside them', async () => {
  standIn.on('GET /nexus/spaces', page('c1', 'bread', 'cakes'));
  const { out, err } = await spaces('--json');
  expect(
    out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { space_id: string }).space_id),
  ).toEqual(['bread', 'cakes']);
  expect(JSON.parse(err)).toEqual({ next_cursor: 'c1' });
  expect((await spaces('--limit', '0')).code).toBe(2);
});
