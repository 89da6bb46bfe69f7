import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createLogger, Metrics } from '@runspine/service';
import pg from 'pg';
import { BlobSweeper } from './blob-sweeper.js';

// Real: PostgreSQL, blobs in local folders.

const DAY_MS = 24 * 3600 * 1000;
const OWNER = 'acme/prod/default';
let root: string;
let pool: pg.Pool;
let metrics: Metrics;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'runspine-sweep-'));
  pool = new pg.Pool({ connectionString: process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres' });
  metrics = new Metrics('test', false);
});
afterEach(async () => {
  await pool.end();
  await rm(root, { recursive: true, force: true });
});

const routeTo = (store: string) => ({ uri: pathToFileURL(join(root, store)).href, options: {} });
const sweeper = (stores: string[], more: { everyMs?: number; removedMax?: number; ageMs?: number } = {}) =>
  new BlobSweeper({
    stores: () => stores.map(routeTo),
    pool,
    metrics,
    logger: createLogger('test', { logLevel: 'fatal', instance: 'test' }),
    everyMs: 50,
    ageMs: 8 * DAY_MS,
    removedMax: 100,
    ...more,
  });

async function put(store: string, name: string, ageDays: number): Promise<void> {
  const folder = join(root, store, OWNER, '_blobs');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), 'x');
  const at = new Date(Date.now() - ageDays * DAY_MS);
  await utimes(join(folder, name), at, at);
}
const left = async (store: string) => (await readdir(join(root, store, OWNER, '_blobs'))).sort();
const outcomes = async () => (await metrics.text()).split('\n').filter((line) => /^runspine_nexus_blob/.test(line));

it('sweeps every store of what is older than it is to be kept, and counts it', async () => {
  for (const store of ['one', 'two']) {
    await put(store, 'old', 9);
    await put(store, 'young', 7);
  }
  expect(await sweeper(['one', 'two']).sweep()).toBe(2);
  expect(await left('one')).toEqual(['young']);
  expect(await left('two')).toEqual(['young']);
  expect(await outcomes()).toEqual([
    'runspine_nexus_blobs_swept_total{service="test"} 2',
    'runspine_nexus_blob_sweeps_total{outcome="complete",service="test"} 2',
  ]);
});

it('is bounded, and goes on the next time; a store that fails holds no other up', async () => {
  for (const name of ['a', 'b', 'c']) await put('one', name, 9);
  const sweeps = new BlobSweeper({
    stores: () => [{ uri: 's3://nowhere', options: { endpoint: 'http://127.0.0.1:1' } }, routeTo('one')],
    pool,
    metrics,
    logger: createLogger('test', { logLevel: 'fatal', instance: 'test' }),
    everyMs: 50,
    ageMs: 8 * DAY_MS,
    removedMax: 2,
  });
  expect(await sweeps.sweep()).toBe(2);
  expect(await left('one')).toHaveLength(1);
  expect(await sweeps.sweep()).toBe(1);
  expect(await outcomes()).toContain('runspine_nexus_blob_sweeps_total{outcome="failed",service="test"} 2');
  expect(await outcomes()).toContain('runspine_nexus_blob_sweeps_total{outcome="partial",service="test"} 1');
}, 120_000);

it('leaves it to another process that sweeps now', async () => {
  await put('one', 'old', 9);
  const other = await pool.connect();
  await other.query('SELECT pg_advisory_lock(7240513)');
  const sweeps = sweeper(['one']);
  expect(await sweeps.sweep()).toBe(0);
  expect(await left('one')).toEqual(['old']);
  await other.query('SELECT pg_advisory_unlock(7240513)');
  other.release();
  expect(await sweeps.sweep()).toBe(1);
});

it('sweeps by itself, soon after the start, and ends when it is told to', async () => {
  await put('one', 'old', 9);
  const sweeps = sweeper(['one']);
  sweeps.start();
  for (let attempt = 0; attempt < 100 && (await left('one')).length > 0; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(await left('one')).toEqual([]);
  await sweeps.stop();
  await put('one', 'late', 9);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await left('one')).toEqual(['late']);
});

it('never takes what an event may still name, whatever the setting', async () => {
  await put('one', 'six-days', 6);
  expect(await sweeper(['one'], { ageMs: DAY_MS }).sweep()).toBe(0);
});
