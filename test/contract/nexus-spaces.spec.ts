import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SpaceList } from '@runspine/contracts';
import { quickNexus, refusalOf, Spaces } from '../stack/spaces.js';
import { startStack, type Stack } from '../stack/stack.js';

/** The list of spaces by the gateway, page by page, against the real services and LanceDB. */
let stack: Stack;
let acme: Spaces;

const NAMES = ['bread', 'cakes', 'dough', 'flour', 'grain'];

beforeAll(async () => {
  stack = await startStack({ gateways: 1, nexuses: 1, settings: await quickNexus() });
  acme = new Spaces(stack.http().with({ 'x-tenant-id': 'acme' }));
  const globex = acme.as({ 'x-tenant-id': 'globex' });
  const operator = acme.as({ 'x-tenant-id': 't_system' });
  const document = { document_id: 'one', text: 'Flour, water, salt.' };
  await Promise.all([
    ...NAMES.map((name) => acme.put(name, [document])),
    ...['bread', 'secret'].map((name) => globex.put(name, [document])),
    ...['bread', 'rules', 'safety'].map((name) => operator.put(name, [document])),
  ]);
});
afterAll(() => stack.close());

/** A page: its names, and the cursor of the next one. */
async function page(spaces: Spaces, parameters = ''): Promise<{ names: string[]; next: string | null }> {
  const { status, body, text } = await spaces.http.get(`/nexus/spaces${parameters}`);
  if (status !== 200) throw new Error(`${status} ${text}`);
  const { items, next_cursor: next } = body as SpaceList;
  return { names: items.map(({ space_id: id }) => id), next };
}

const after = (cursor: string | null, parameters = '') => `?cursor=${encodeURIComponent(cursor!)}${parameters}`;

describe('GET /nexus/spaces', () => {
  it('gives all that fits a page, with what a space is', async () => {
    const { body } = await acme.http.get('/nexus/spaces');
    expect(body).toEqual({
      items: NAMES.map((space_id) => ({
        space_id,
        scope: 'tenant',
        rows: 1,
        documents: 1,
        bytes: expect.any(Number),
        version: 1,
        embedding: { model: 'hash-384', dimension: 384 },
      })),
      next_cursor: null,
    });
  });

  it('goes on from page to page, by name, by another gateway or nexus too', async () => {
    const first = await page(acme, '?limit=2');
    const nexus = stack.nexuses[0]!;
    await nexus.stop();
    await nexus.start();
    await nexus.ready();
    const second = await page(acme, after(first.next, '&limit=2'));
    const last = await page(acme, after(second.next));
    expect([first.names, second.names, last.names]).toEqual([NAMES.slice(0, 2), NAMES.slice(2, 4), NAMES.slice(4)]);
    expect(last.next).toBeNull();
  });

  it('pages the global spaces for those who may see them', async () => {
    const operator = acme.as({ 'x-tenant-id': 't_system' });
    const first = await page(operator, '?limit=2');
    expect(first.names).toEqual(['bread', 'rules']);
    expect((await page(operator, after(first.next))).names).toEqual(['safety']);
    const admin = acme.as({ 'x-roles': 'reader,admin' });
    const shown = await page(admin, '?scope=global&limit=1');
    expect((await page(admin, after(shown.next, '&scope=global'))).names).toEqual(['rules', 'safety']);
    const reader = acme.as({ 'x-roles': 'reader' });
    expect(refusalOf(await reader.http.get('/nexus/spaces?scope=global'))).toEqual([403, 'auth.forbidden']);
    expect(refusalOf(await reader.http.get(`/nexus/spaces${after(shown.next, '&scope=global')}`))).toEqual([
      403,
      'auth.forbidden',
    ]);
  });

  it('takes no cursor that was forged, or is of another list', async () => {
    const { next } = await page(acme, '?limit=2');
    const cursor = next!;
    const invalid = [400, 'cursor.invalid'];
    const flipped = cursor.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    const position = Buffer.from('"secret"').toString('base64url');
    for (const wrong of ['bread', 'null', flipped, cursor.slice(0, -1), `${position}.${cursor.split('.')[1]}`]) {
      expect(refusalOf(await acme.http.get(`/nexus/spaces${after(wrong)}`))).toEqual(invalid);
    }
    const elsewhere = ['x-tenant-id', 'x-env', 'x-project-id', 'x-surface-id'].map((name) =>
      acme.as({ [name]: 'other' }),
    );
    for (const spaces of elsewhere) {
      expect(refusalOf(await spaces.http.get(`/nexus/spaces${after(cursor)}`))).toEqual(invalid);
    }
    const admin = acme.as({ 'x-roles': 'reader,admin' });
    expect(refusalOf(await admin.http.get(`/nexus/spaces${after(cursor, '&scope=global')}`))).toEqual(invalid);
    expect(refusalOf(await acme.http.get(`/nexus/runs${after(cursor)}`))).toEqual(invalid);
    expect((await page(acme, after(cursor, '&limit=1&scope=tenant'))).names).toEqual(['dough']);
  });

  it.each(['limit=0', 'limit=201', 'limit=-1', 'limit=2.5', 'limit=all', 'limit=1&limit=2', 'offset=1', 'scope=all'])(
    'refuses %s',
    async (parameters) => {
      expect(refusalOf(await acme.http.get(`/nexus/spaces?${parameters}`))).toEqual([400, 'request.invalid']);
    },
  );
});
