import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BlobRoute } from './blob-backend.js';

/** A store that the contract is held against. */
export interface TestStore {
  readonly name: string;
  /** The variable that says where its server is; undefined: it needs none. */
  readonly variable?: string;
  readonly available: boolean;
  /** A place of its own, and what removes it. */
  make(): Promise<{ route: BlobRoute; remove(): Promise<void> }>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Every kind of store; `npm test` starts the servers that it can have, and names them by variables. */
export function testStores(env: Environment): TestStore[] {
  return [
    { name: 'a local folder', available: true, make: localFolder },
    server(env, 'S3', 'RUNSPINE_TEST_S3', s3Bucket),
    server(env, 'Google Cloud Storage', 'RUNSPINE_TEST_GCS', gcsBucket),
    server(env, 'Azure', 'RUNSPINE_TEST_AZURE', azureContainer),
  ];
}

function server(env: Environment, name: string, variable: string, make: (at: URL) => ReturnType<TestStore['make']>) {
  const at = env[variable];
  return { name, variable, available: Boolean(at), make: () => make(new URL(at ?? '')) };
}

async function localFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'runspine-blobs-'));
  return {
    route: { uri: pathToFileURL(folder).href, options: {} },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** `http://access-key:secret@host:port` */
async function s3Bucket(at: URL) {
  const { CreateBucketCommand, DeleteBucketCommand, DeleteObjectCommand, ListObjectsV2Command, S3Client } =
    await import('@aws-sdk/client-s3');
  const bucket = `blobs-${randomBytes(6).toString('hex')}`;
  const [accessKeyId, secretAccessKey] = [decodeURIComponent(at.username), decodeURIComponent(at.password)];
  const client = new S3Client({
    endpoint: at.origin,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const remove = async () => {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
    for (const { Key } of Contents) await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
    await client.send(new DeleteBucketCommand({ Bucket: bucket }));
    client.destroy();
  };
  const options = {
    endpoint: at.origin,
    allow_http: 'true',
    region: 'us-east-1',
    access_key_id: accessKeyId,
    secret_access_key: secretAccessKey,
  };
  return { route: { uri: `s3://${bucket}/some/prefix`, options }, remove };
}

async function gcsBucket(at: URL) {
  const { Storage } = await import('@google-cloud/storage');
  const storage = new Storage({ apiEndpoint: at.origin, projectId: 'none', useAuthWithCustomEndpoint: false });
  const bucket = storage.bucket(`blobs-${randomBytes(6).toString('hex')}`);
  await bucket.create();
  const remove = async () => {
    await bucket.deleteFiles({ force: true });
    await bucket.delete();
  };
  return { route: { uri: `gs://${bucket.name}/some/prefix`, options: { endpoint: at.origin } }, remove };
}

/** `http://account:key@host:port/account`, as Azurite has it. */
async function azureContainer(at: URL) {
  const { BlobServiceClient, StorageSharedKeyCredential } = await import('@azure/storage-blob');
  const [account, key] = [decodeURIComponent(at.username), decodeURIComponent(at.password)];
  const endpoint = `${at.origin}${at.pathname}`;
  const service = new BlobServiceClient(endpoint, new StorageSharedKeyCredential(account, key));
  const container = service.getContainerClient(`blobs-${randomBytes(6).toString('hex')}`);
  await container.create();
  const options = { account_name: account, account_key: key, endpoint, allow_http: 'true' };
  return {
    route: { uri: `az://${container.containerName}/some/prefix`, options },
    remove: async () => void (await container.delete()),
  };
}
