import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { poolConfig } from '@runspine/projections';
import { RouteTable } from '@runspine/routing';
import pg from 'pg';
import { type RunningGateway, runGateway, untilReady } from '../running-gateway.fixture.js';

// Real: PostgreSQL, the gateway. Routes are read as nexus reads them, in the role that it takes.
let gateway: RunningGateway;
let roots: string;
let asNexus: pg.Pool;

interface Answer {
  status: number;
  body: { items: Record<string, unknown>[]; error: { code: string; details: Record<string, unknown> } };
}

beforeAll(async () => {
  roots = await mkdtemp(join(tmpdir(), 'runspine-routes-'));
  gateway = await runGateway(process.env, {
    RUNSPINE_ROUTE_FILE_ROOTS: roots,
    RUNSPINE_ROUTE_ENDPOINTS: 'https://minio.example.com',
  });
  await untilReady(gateway);
  const { rows } = await gateway.owner.query<{ name: string }>('SELECT current_database() AS name');
  const url = Object.assign(new URL(process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres'), {
    pathname: `/${rows[0]!.name}`,
  });
  asNexus = new pg.Pool(poolConfig({ databaseUrl: url.href, role: 'runspine_nexus', connectionsMax: 2 }));
  asNexus.on('error', () => undefined);
});

afterAll(async () => {
  await asNexus.end();
  await gateway.remove();
  await rm(roots, { recursive: true, force: true });
});

async function send(method: string, tenant: string, roles: string, body?: object, query = ''): Promise<Answer> {
  const answer = await fetch(`${gateway.address}/nexus/routes${query}`, {
    method,
    headers: {
      'x-tenant-id': tenant,
      'x-roles': roles,
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: (text === '' ? undefined : JSON.parse(text)) as Answer['body'] };
}
const route = (over: object = {}) => ({
  kind: 'nexus_store',
  tenant_id: 'acme',
  env: '*',
  project_id: '*',
  uri: `file://${roots}/acme`,
  options: {},
  ...over,
});
const keyOf = ({ kind, tenant_id, env, project_id }: ReturnType<typeof route>) =>
  `?${new URLSearchParams({ kind, tenant_id, env, project_id })}`;
const place = (tenantId: string, env = 'default', projectId = 'default') => ({ tenantId, env, projectId });
const tableOf = (fileRoots = [roots], refreshMs = 50) =>
  new RouteTable({
    pool: asNexus,
    refreshMs,
    policy: { fileRoots },
    secrets: new Map([
      ['RUNSPINE_SECRET_acme_ID', 'the-id'],
      ['RUNSPINE_SECRET_acme_KEY', 'the-key'],
    ]),
  });

describe('routes', () => {
  it('are set, shown and deleted by an admin of the tenant, who sees no other', async () => {
    await send('PUT', 'default', 'system', route({ tenant_id: '*', uri: `file://${roots}` }));
    expect(await send('PUT', 'acme', 'admin', route())).toEqual({ status: 200, body: route() });
    expect(await send('PUT', 'acme', 'admin', route({ uri: null, options: undefined }))).toMatchObject({
      status: 200,
      body: { uri: null, options: {} },
    });

    expect((await send('GET', 'acme', 'admin')).body.items).toEqual([route({ uri: null })]);
    expect((await send('GET', 'umbrella', 'admin')).body.items).toEqual([]);
    expect((await send('GET', 'default', 'system')).body.items).toHaveLength(2);
    expect(await send('DELETE', 'acme', 'admin', undefined, keyOf(route()))).toEqual({ status: 204, body: undefined });
    expect(await send('DELETE', 'acme', 'admin', undefined, keyOf(route()))).toMatchObject({
      status: 404,
      body: { error: { code: 'nexus_route.not_found' } },
    });
  });

  it('need the role admin, and system for other tenants and for any', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const body = method === 'PUT' ? route() : undefined;
      expect(await send(method, 'acme', 'reader,writer,ingester', body, keyOf(route()))).toMatchObject({
        status: 403,
        body: { error: { code: 'auth.forbidden', details: { required: 'admin' } } },
      });
    }
    for (const tenant_id of ['umbrella', '*']) {
      const refused = { status: 403, body: { error: { code: 'auth.forbidden', details: { required: 'system' } } } };
      expect(await send('PUT', 'acme', 'admin', route({ tenant_id }))).toMatchObject(refused);
      expect(await send('DELETE', 'acme', 'admin', undefined, keyOf(route({ tenant_id })))).toMatchObject(refused);
    }
  });

  it('lead nowhere that an admin of a tenant may not lead them', async () => {
    for (const uri of ['file:///etc', `file://${roots}/umbrella`, 's3://operators-bucket']) {
      expect(await send('PUT', 'acme', 'admin', route({ uri }))).toMatchObject({
        status: 403,
        body: { error: { code: 'nexus_route.forbidden', details: { reason: expect.any(String) } } },
      });
    }
  });

  it('keep no secret: a literal one is 400 and not repeated, a reference is shown as it is', async () => {
    const literal = { access_key_id: 'AKIA', secret_access_key: 'very-secret' };
    const refused = await send('PUT', 'acme', 'admin', route({ uri: 's3://acme-bucket', options: literal }));
    expect(refused).toMatchObject({ status: 400, body: { error: { code: 'request.invalid' } } });
    expect(JSON.stringify(refused.body)).not.toContain('very-secret');

    const options = {
      access_key_id: 'env:RUNSPINE_SECRET_acme_ID',
      secret_access_key: 'env:RUNSPINE_SECRET_acme_KEY',
      region: 'eu-central-1',
    };
    const set = route({ uri: 's3://acme-bucket/nexus', options, env: 'secrets' });
    expect(await send('PUT', 'acme', 'admin', set)).toEqual({ status: 200, body: set });
    const table = tableOf();
    await table.refresh();
    expect(table.require('nexus_store', place('acme', 'secrets'))).toEqual({
      uri: 's3://acme-bucket/nexus',
      options: { access_key_id: 'the-id', secret_access_key: 'the-key', region: 'eu-central-1' },
    });
    expect(JSON.stringify(await send('GET', 'acme', 'admin'))).not.toContain('the-key');
    expect(JSON.stringify(gateway.log)).not.toContain('very-secret');
  });

  it.each([
    ['no body', undefined],
    ['an array', []],
    ['no uri', { ...route(), uri: undefined }],
    ['another kind', route({ kind: 'nexus_storage' })],
    ['a tenant with a path', route({ tenant_id: '../acme' })],
    ['an env of stars', route({ env: '**' })],
    ['an unknown field', { ...route(), updated_by: 'me' }],
    ['a number as an option', route({ options: { region: 1 } })],
    ['http', route({ uri: 'http://169.254.169.254/latest' })],
    ['NUL', route({ uri: 'file:///data/\u0000' })],
    ['dots', route({ uri: 'file:///data/../etc' })],
    ['a secret beside no uri', route({ uri: null, options: { region: 'x' } })],
  ])('refuses %s', async (_name, body) => {
    expect((await send('PUT', 'acme', 'system', body as object)).status).toBe(400);
  });

  it('refuses to delete by half a key', async () => {
    expect((await send('DELETE', 'acme', 'admin', undefined, '?kind=nexus_store&tenant_id=acme')).status).toBe(400);
  });

  it('serve by the most specific: tenant before env before project; null says that there is none', async () => {
    const uri = (name: string) => `file://${roots}/${name}`;
    const set = (tenant_id: string, env: string, project_id: string, to: string | null) =>
      send('PUT', 'x', 'system', route({ kind: 'nexus_blob_store', tenant_id, env, project_id, uri: to }));
    await set('*', '*', '*', uri('all'));
    await set('*', 'prod', 'p', uri('any-tenant'));
    await set('t1', '*', '*', uri('t1'));
    await set('t1', '*', 'p', uri('t1-p'));
    await set('t1', 'prod', '*', uri('t1-prod'));
    await set('t1', 'off', '*', null);
    await set('t1', 'off', 'p', uri('t1-off-p'));
    const table = tableOf();
    await table.refresh();
    const resolved = (...where: Parameters<typeof place>) =>
      table.resolve('nexus_blob_store', place(...where))?.uri.slice(uri('').length);

    expect(resolved('t2', 'dev', 'q')).toBe('all');
    expect(resolved('t2', 'prod', 'p')).toBe('any-tenant');
    expect(resolved('t1', 'dev', 'q')).toBe('t1');
    expect(resolved('t1', 'dev', 'p')).toBe('t1-p');
    expect(resolved('t1', 'prod', 'p')).toBe('t1-prod');
    expect(resolved('t1', 'off', 'q')).toBeUndefined();
    expect(resolved('t1', 'off', 'p')).toBe('t1-off-p');
    expect(table.stores('nexus_blob_store')).toHaveLength(6);
    expect(() => table.require('nexus_blob_store', place('t1', 'off'))).toThrow(
      expect.objectContaining({ code: 'nexus_blob_store.missing_route', status: 503 }),
    );
  });

  it('are in force elsewhere soon, stay in force while PostgreSQL is away, and serve nobody before they are read', async () => {
    const table = tableOf();
    const lost = new RouteTable({
      pool: new pg.Pool({ host: '127.0.0.1', port: 9 }),
      refreshMs: 50,
      policy: { fileRoots: [] },
      secrets: new Map(),
    });
    table.start();
    lost.start();
    await send('PUT', 'x', 'system', route({ tenant_id: 'soon', uri: `file://${roots}/soon` }));
    await untilTrue(() => table.ready && table.resolve('nexus_store', place('soon'))?.uri === `file://${roots}/soon`);

    expect(() => lost.resolve('nexus_store', place('soon'))).toThrow(
      expect.objectContaining({ code: 'store.unavailable' }),
    );
    await gateway.owner.query('REVOKE SELECT ON resource_routes FROM runspine_nexus');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(table.resolve('nexus_store', place('soon'))).toEqual({ uri: `file://${roots}/soon`, options: {} });
    await gateway.owner.query('GRANT SELECT ON resource_routes TO runspine_nexus');
    await send('DELETE', 'x', 'system', undefined, keyOf(route({ tenant_id: 'soon' })));
    await untilTrue(() => table.resolve('nexus_store', place('soon'))?.uri === `file://${roots}`);
    await Promise.all([table.stop(), lost.stop()]);
  });

  it('lead nowhere outside the folders of the process that uses them', async () => {
    const table = tableOf(['/somewhere/else']);
    await table.refresh();
    expect(() => table.require('nexus_blob_store', place('t1'))).toThrow(
      expect.objectContaining({ code: 'nexus_blob_store.missing_route' }),
    );
  });

  it('are held by row-level security: the gateway changes rows of the named tenant only, nexus none', async () => {
    const client = await gateway.owner.connect();
    try {
      await client.query(`BEGIN; SET LOCAL ROLE runspine_gateway; SET LOCAL runspine.tenant = 'umbrella'`);
      expect((await client.query('SELECT FROM resource_routes')).rowCount).toBe(0);
      expect((await client.query(`UPDATE resource_routes SET uri = 'x'`)).rowCount).toBe(0);
      expect((await client.query('DELETE FROM resource_routes')).rowCount).toBe(0);
      await expect(
        client.query(`INSERT INTO resource_routes VALUES ('acme', 'nexus_store', 'x', 'x', 'x', '{}', now(), 'x')`),
      ).rejects.toMatchObject({ code: '42501' });
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
    await expect(asNexus.query('DELETE FROM resource_routes')).rejects.toMatchObject({ code: '42501' });
    await expect(asNexus.query('SELECT FROM run_events')).rejects.toMatchObject({ code: '42501' });
  });
});

async function untilTrue(holds: () => boolean): Promise<void> {
  for (let looks = 0; looks < 100; looks++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('It did not come to hold within 5 s.');
}
