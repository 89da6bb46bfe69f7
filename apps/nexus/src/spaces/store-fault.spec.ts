import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from '@lancedb/lancedb';
import { ServiceError } from '@runspine/contracts';
import { storeFault } from './store-fault.js';

// Real: LanceDB, on a folder and on a server that is not there.

const DEAD = {
  endpoint: 'http://127.0.0.1:1',
  allow_http: 'true',
  region: 'us-east-1',
  access_key_id: 'an id',
  secret_access_key: 'a secret',
};
let root: string;
const thrown = async (work: () => Promise<unknown>): Promise<unknown> =>
  work().then(
    () => undefined,
    (error) => error,
  );

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'runspine-store-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe('a fault of the store', () => {
  it('is a server that does not answer', async () => {
    const error = await thrown(async () => {
      const connection = await connect('s3://bucket/acme', { storageOptions: DEAD });
      await connection.openTable('notes');
    });
    expect(error).toHaveProperty('message');
    expect(storeFault(error)).toMatchObject({ code: 'nexus_store.unavailable', retryable: true });
    expect(storeFault(error)?.message).not.toMatch(/127|bucket|secret/);
  }, 60_000);

  it('is a table whose files are gone', async () => {
    const connection = await connect(root);
    (await connection.createTable('lost', [{ id: 'a', n: 1 }])).close();
    await rm(join(root, 'lost.lance', 'data'), { recursive: true });
    const table = await (await connect(root)).openTable('lost');
    const error = await thrown(() => table.query().toArray());
    expect(error).toHaveProperty('message');
    expect(storeFault(error)?.code).toBe('nexus_store.unavailable');
  });

  it('is not what we asked wrongly, nor a bug, nor what is an answer already', async () => {
    const connection = await connect(root);
    const table = await connection.createTable('fine', [{ id: 'a', n: 1 }]);
    const asked = await thrown(() => table.query().where('nothing = 1').toArray());
    expect(asked).toHaveProperty('message');
    expect(storeFault(asked)).toBeUndefined();
    expect(storeFault(new TypeError('x is not a function'))).toBeUndefined();
    expect(storeFault(new ServiceError('nexus.space_not_found'))).toBeUndefined();
    expect(storeFault('IO { }')).toBeUndefined();
  });
});
