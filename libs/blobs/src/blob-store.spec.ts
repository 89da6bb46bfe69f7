import { createHash, randomBytes } from 'node:crypto';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { BlobRoute } from './blob-backend.js';
import { BLOBS_FOLDER, blobUri, newBlobKey, parseBlobUri } from './blob-reference.js';
import type { BlobStore } from './blob-store.js';
import { BlobStores, openBackend, openBlobStore } from './open-blob-store.js';
import { sweepBlobs } from './sweep-blobs.js';
import { testStores } from './test-stores.fixture.js';

const OWNER = { tenantId: 'acme', env: 'default', projectId: 'default' };
const MIB = 1024 * 1024;
const DAY_MS = 24 * 3600 * 1000;

const HOSTILE_KEYS = [
  '',
  '.',
  '..',
  '../../other/default/default/_blobs/one',
  'a/../b',
  '/etc/passwd',
  'a//b',
  'a/',
  '.hidden',
  'a/.part',
  'file:///etc/passwd',
  'http://127.0.0.1/x',
  'a\u0000b',
  'a\nb',
  'a\n',
  'a\\b',
  '%2e%2e/one',
  'x?versionId=1',
  'ü',
  `${'a'.repeat(100)}/`.repeat(20),
];

/** A stream that says how much was taken from it. */
function streamOf(mib: number, end: () => Promise<void> | void = () => undefined) {
  const taken = { bytes: 0 };
  const piece = Buffer.alloc(MIB / 4, 'x');
  async function* bytes() {
    for (let count = 0; count < mib * 4; count++) {
      taken.bytes += piece.length;
      yield piece;
    }
    await end();
  }
  return { stream: Readable.from(bytes(), { objectMode: false }), taken };
}

describe.each(testStores(process.env).map((store) => [store.name, store] as const))('blobs in %s', (_name, kind) => {
  const here = kind.available ? it : it.skip;
  let route: BlobRoute;
  let remove: () => Promise<void>;
  let store: BlobStore;

  beforeAll(async () => {
    if (!kind.available) return console.warn(`NOT RUN: blobs in ${kind.name}: ${kind.variable} names no server`);
    ({ route, remove } = await kind.make());
    store = await openBlobStore({ ...route, owner: OWNER });
  });

  afterAll(async () => {
    if (kind.available) await remove();
  });

  /** Every path below the route. */
  async function everything(): Promise<string[]> {
    const backend = await openBackend(route);
    const walk = async (folder: string): Promise<string[]> => {
      const found: string[] = [];
      for await (const { kind, name } of backend.list(folder, AbortSignal.timeout(20_000))) {
        const path = folder === '' ? name : `${folder}/${name}`;
        found.push(...(kind === 'folder' ? await walk(path) : [path]));
      }
      return found;
    };
    return walk('');
  }

  here('gives back what was put, bytes and streams, and says what it was', async () => {
    const bytes = randomBytes(100_000);
    const sha256 = createHash('sha256').update(bytes).digest('hex');

    expect(await store.putBytes('one', bytes)).toEqual({ key: 'one', bytes: 100_000, sha256 });
    expect(await store.putBytes('deep/er/two', Readable.from([bytes.subarray(0, 7), bytes.subarray(7)]))).toEqual({
      key: 'deep/er/two',
      bytes: 100_000,
      sha256,
    });
    expect((await store.getBytes('one')).equals(bytes)).toBe(true);
    expect((await store.getBytes('deep/er/two')).equals(bytes)).toBe(true);
    expect([await store.exists('one'), await store.exists('deep'), await store.exists('none')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  here('replaces a blob whole, and keeps an empty one', async () => {
    await store.putBytes('again', Buffer.alloc(1000, 'a'));
    await store.putBytes('again', Buffer.from('b'));
    await store.putBytes('empty', Buffer.alloc(0));

    expect((await store.getBytes('again')).toString()).toBe('b');
    expect(await store.getBytes('empty')).toHaveLength(0);
  });

  here('passes 40 MiB on in parts', async () => {
    const { stream } = streamOf(40);

    expect(await store.putBytes('large', stream)).toMatchObject({ bytes: 40 * MIB });
    expect(await store.getBytes('large')).toHaveLength(40 * MIB);
  });

  here('says what is missing', async () => {
    await expect(store.getBytes('none')).rejects.toMatchObject({ code: 'nexus.blob_not_found' });
  });

  here('reads no more than it may', async () => {
    await store.putBytes('bounded', Buffer.alloc(1001));

    await expect(store.getBytes('bounded', { bytesMax: 1000 })).rejects.toMatchObject({
      code: 'nexus.blob_too_large',
      details: { bytes_max: 1000 },
    });
    expect(await store.getBytes('bounded', { bytesMax: 1001 })).toHaveLength(1001);
  });

  here('cuts a stream of 300 MiB off at the bound, without holding it, and leaves nothing', async () => {
    const { stream, taken } = streamOf(300);
    const before = process.memoryUsage.rss();

    await expect(store.putBytes('too/large', stream, { bytesMax: 64 * MIB })).rejects.toMatchObject({
      code: 'nexus.blob_too_large',
    });
    expect(taken.bytes).toBeLessThan(70 * MIB);
    expect(process.memoryUsage.rss() - before).toBeLessThan(150 * MIB);
    expect((await everything()).filter((path) => path.includes('too'))).toEqual([]);
  });

  here.each([1, 20])('leaves nothing of an upload that is given up after %d MiB', async (mib) => {
    const cancel = new AbortController();
    const { stream } = streamOf(mib, async () => {
      cancel.abort(new Error('changed my mind'));
      await pause(50);
    });

    await expect(store.putBytes('cancelled', stream, { signal: cancel.signal })).rejects.toThrow('changed my mind');
    await pause(100);
    expect(await store.exists('cancelled')).toBe(false);
    expect((await everything()).filter((path) => path.includes('cancelled') || path.includes('.part'))).toEqual([]);
  });

  here.each([1, 20])('leaves nothing of a stream that breaks after %d MiB, and says how it broke', async (mib) => {
    const { stream } = streamOf(mib, () => {
      throw new Error('the caller hung up');
    });

    await expect(store.putBytes('broken', stream)).rejects.toThrow('the caller hung up');
    await pause(100);
    expect(await store.exists('broken')).toBe(false);
    expect((await everything()).filter((path) => path.includes('broken') || path.includes('.part'))).toEqual([]);
  });

  here('keeps the former blob when a replacement breaks', async () => {
    await store.putBytes('kept', Buffer.from('first'));
    const { stream } = streamOf(1, () => {
      throw new Error('broken');
    });

    await expect(store.putBytes('kept', stream)).rejects.toThrow('broken');
    expect((await store.getBytes('kept')).toString()).toBe('first');
  });

  here('refuses keys that would lead elsewhere', async () => {
    const refusal = { code: 'nexus.blob_reference_invalid' };
    for (const key of HOSTILE_KEYS) {
      await expect(store.putBytes(key, Buffer.from('x'))).rejects.toMatchObject(refusal);
      await expect(store.getBytes(key)).rejects.toMatchObject(refusal);
      await expect(async () => store.exists(key)).rejects.toMatchObject(refusal);
      expect(() => store.resolveUri(key)).toThrow(expect.objectContaining(refusal));
    }
  });

  here('shows an owner nothing of another: not of a tenant, an env or a project', async () => {
    const stores = new BlobStores();
    await store.putBytes('mine', Buffer.from('secret'));
    for (const other of [{ tenantId: 'umbrella' }, { env: 'staging' }, { projectId: 'second' }]) {
      const theirs = await stores.open(route, { ...OWNER, ...other });
      expect(await theirs.exists('mine')).toBe(false);
      await expect(theirs.getBytes('mine')).rejects.toMatchObject({ code: 'nexus.blob_not_found' });
    }
    await stores.close();
    expect(store.resolveUri('mine')).toBe(`${route.uri}/acme/default/default/_blobs/mine`);
  });

  here('sweeps what is older than any event that names it, and nothing else', async () => {
    await store.putBytes('young', Buffer.from('1'));
    await store.putBytes('deep/young', Buffer.from('2'));
    const beside = await openBackend(route);
    const table = 'acme/default/default/blobs/docs.lance/data/1.lance';
    await beside.write(
      table,
      Readable.from([Buffer.from('a table')]) as AsyncIterable<Buffer>,
      AbortSignal.timeout(9000),
    );

    expect(await sweepBlobs(route, { nowMs: Date.now() + 7 * DAY_MS })).toMatchObject({ removed: 0, complete: true });
    expect(await sweepBlobs(route, { nowMs: Date.now() + 9 * DAY_MS, removedMax: 1 })).toMatchObject({
      removed: 1,
      complete: false,
    });
    expect(await sweepBlobs(route, { nowMs: Date.now() + 9 * DAY_MS, ageMs: 0 })).toMatchObject({ complete: true });
    expect(await everything()).toEqual([table]);
  });

  here('says that the store is away, and nothing of how it is reached', async () => {
    const elsewhere = await openBlobStore({
      uri: kind.variable ? route.uri.replace('blobs-', 'none-') : 'file:///dev/null/none',
      options: { ...route.options, ...(kind.variable && { endpoint: 'http://127.0.0.1:9' }) },
      owner: OWNER,
    });
    const fault = await elsewhere.putBytes('one', Buffer.from('x')).catch((error: unknown) => error);

    expect(fault).toMatchObject({ code: 'nexus_blob_store.unavailable' });
    expect(JSON.stringify(fault)).not.toContain(route.options.secret_access_key ?? 'secret_access_key');
  });
});

describe('references', () => {
  it('are blob://key and nothing else', () => {
    const key = newBlobKey();

    expect(parseBlobUri(blobUri(key))).toBe(key);
    expect(key).toMatch(/^blob_[0-9a-f]{48}$/);
    for (const uri of ['file:///etc/passwd', 'http://x/y', 's3://b/k', 'blob:key', 'BLOB://key', 'blob:///key', key]) {
      expect(() => parseBlobUri(uri)).toThrow(expect.objectContaining({ code: 'nexus.blob_reference_invalid' }));
    }
  });

  it('cannot be made of an owner that is no name', async () => {
    for (const tenantId of ['..', '', 'a/b', 'A', 'a\u0000']) {
      const opening = openBlobStore({ uri: 'file:///tmp', options: {}, owner: { ...OWNER, tenantId } });
      await expect(opening).rejects.toThrow(RangeError);
    }
  });
});

describe('routes that make no store', () => {
  it.each([
    ['http://127.0.0.1/x', {}],
    ['ftp://host/x', {}],
    ['az://container', {}],
    ['gs://bucket', { service_account_key: '{"type":"external_account","credential_source":{"file":"/etc/passwd"}}' }],
    ['gs://bucket', { service_account_key: 'null' }],
  ])('%s', async (uri, options) => {
    await expect(openBlobStore({ uri, options, owner: OWNER })).rejects.toMatchObject({
      code: 'nexus_blob_store.unavailable',
    });
  });
});

describe('a local folder', () => {
  it('sweeps what a crash left of an upload', async () => {
    const { route, remove } = await testStores({})[0]!.make();
    const store = await openBlobStore({ ...route, owner: OWNER });
    await store.putBytes('one', Buffer.from('x'));
    const folder = join(fileURLToPath(route.uri), 'acme/default/default', BLOBS_FOLDER);
    const partial = join(folder, `.${'0'.repeat(32)}.part`);
    await writeFile(partial, 'half');
    await utimes(partial, 0, 0);

    expect(await sweepBlobs(route)).toMatchObject({ removed: 1 });
    expect(await readdir(folder)).toEqual(['one']);
    await remove();
  });
});
