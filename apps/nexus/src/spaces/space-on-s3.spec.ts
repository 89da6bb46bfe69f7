import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SpaceHousekeeping } from './housekeeping.js';
import { EMBEDDING, change, contents, spaceKey, statisticsAndRecount } from './spaces.fixture.js';
import { SpaceStore } from './space-store.js';
import type { StoreLocation } from './space-tables.js';

/** `http://access-key:secret@host:port` of an S3 server; `npm test` starts one where it can be built. */
const server = process.env['RUNSPINE_TEST_S3'];
if (!server) console.warn('NOT RUN: spaces on S3, since RUNSPINE_TEST_S3 names no server');
const suite = server ? describe : describe.skip;

suite('a space on S3', () => {
  let location: StoreLocation;
  const stores: SpaceStore[] = [];
  const storeOf = (): SpaceStore => {
    const store = new SpaceStore(async () => location);
    stores.push(store);
    return store;
  };

  beforeAll(async () => {
    const at = new URL(server ?? '');
    const [accessKeyId, secretAccessKey] = [decodeURIComponent(at.username), decodeURIComponent(at.password)];
    const bucket = `spaces-${randomBytes(6).toString('hex')}`;
    const client = new S3Client({
      endpoint: at.origin,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId, secretAccessKey },
    });
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    client.destroy();
    location = {
      uri: `s3://${bucket}/some/prefix`,
      storageOptions: {
        endpoint: at.origin,
        allow_http: 'true',
        region: 'us-east-1',
        access_key_id: accessKeyId,
        secret_access_key: secretAccessKey,
      },
    };
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
  });

  it('is made, replaced, read, listed and tended as on a local folder', async () => {
    const store = storeOf();
    expect(await store.open(spaceKey())).toBeUndefined();
    expect(await store.list(spaceKey(), { limit: 10 })).toEqual({ spaces: [], next: null });
    await store.commit(spaceKey(), EMBEDDING, [change('a', 0, 'kafka', 'log'), change('b', 1, 'postgres')]);
    await store.commit(spaceKey(), EMBEDDING, [change('a', 2, 'newer'), change('b', 3), change('c', 4, 'third')]);
    const failed: unknown[] = [];
    const keeper = new SpaceHousekeeping(store, { tended: () => undefined, failed: (_, error) => failed.push(error) });
    await keeper.tend(spaceKey());
    expect(failed).toEqual([]);

    for (const other of [store, storeOf()]) {
      expect([...(await contents(other))]).toEqual([
        ['a#0', 'newer'],
        ['b#-', undefined],
        ['c#0', 'third'],
      ]);
      const { kept, counted } = await statisticsAndRecount(other);
      expect(kept).toEqual(counted);
      expect(await other.list(spaceKey(), { limit: 10 })).toMatchObject({
        spaces: [{ key: spaceKey(), rows: 2, documents: 2, embedding: EMBEDDING }],
        next: null,
      });
    }
  }, 120_000);

  it('is one of many, which are listed page by page', async () => {
    const store = storeOf();
    for (const name of ['p-b', 'p-a', 'p-c']) {
      await store.commit(spaceKey(name, 'paged'), EMBEDDING, [change('a', 0, name)]);
    }
    const list = (after?: string) => store.list(spaceKey('any', 'paged'), { limit: 2, after });
    expect(await list()).toMatchObject({
      spaces: [{ key: { spaceId: 'p-a' } }, { key: { spaceId: 'p-b' } }],
      next: 'p-b',
    });
    expect(await list('p-b')).toMatchObject({ spaces: [{ key: { spaceId: 'p-c' } }], next: null });
  }, 120_000);

  it('has one outcome when two stores write it at once', async () => {
    const key = spaceKey('raced');
    const [one, other] = [storeOf(), storeOf()];
    const write = async (store: SpaceStore, odd: number): Promise<void> => {
      for (let round = 0; round < 5; round++) {
        const offset = round * 2 + odd;
        await store.commit(key, EMBEDDING, [
          change('shared', offset, `offset ${offset}`),
          change(`own-${odd}-${round}`, offset, 'kept'),
        ]);
      }
    };
    await Promise.all([write(one, 0), write(other, 1)]);
    const rows = await contents(storeOf(), key);
    expect(rows.get('shared#0')).toBe('offset 9');
    expect(rows.size).toBe(11);
    const { kept, counted } = await statisticsAndRecount(storeOf(), key);
    expect(kept).toEqual(counted);
  }, 120_000);
});
