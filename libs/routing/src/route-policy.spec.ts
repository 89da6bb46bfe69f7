import { describe, expect, it } from '@jest/globals';
import { optionFaults, resolveSecrets } from './route-options.js';
import { checkRoute, isAllowedHere, type RoutePolicy, type RouteWriter } from './route-policy.js';
import { parseStoreUri } from './route-uri.js';

const POLICY: RoutePolicy = {
  fileRoots: ['/data/nexus', '/srv/o ther'],
  cloudRoots: ['s3://shared/nexus', 'gs://shared'],
  endpoints: ['https://minio.example.com'],
};
const ACME: RouteWriter = { tenantId: 'acme', system: false, subject: 'someone' };
const SYSTEM: RouteWriter = { tenantId: 'default', system: true, subject: 'operator' };
const KEYS = {
  access_key_id: 'env:RUNSPINE_SECRET_acme_S3_ID',
  secret_access_key: 'env:RUNSPINE_SECRET_acme_S3_KEY',
};

const check = (writer: RouteWriter, uri: string | null, options: Record<string, string> = {}, tenant_id = 'acme') =>
  checkRoute({ kind: 'nexus_store', tenant_id, env: '*', project_id: '*', uri, options }, writer, POLICY);
const codeOf = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'accepted';
};

describe('addresses of stores', () => {
  it.each([
    'file:///data/nexus',
    'file:///srv/o%20ther/acme',
    's3://bucket',
    's3://my.bucket/some/prefix',
    'gs://my_bucket/a',
    'az://container/a=b',
  ])('%s is one', (uri) => {
    expect(parseStoreUri(uri)).toMatchObject({ uri });
    expect(parseStoreUri(`${uri}/`)).toMatchObject({ uri });
  });

  it.each([
    '',
    '/data/nexus',
    'file:',
    'file:///',
    'file://data/nexus',
    'file://localhost/data/nexus',
    'file:/data/nexus',
    'FILE:///data/nexus',
    'file:///data/nexus/../../etc',
    'file:///data/nexus/%2e%2e/x',
    'file:///data/nexus/%2e%2e%2f%2e%2e/etc',
    'file:///data//nexus',
    'file:///data/./nexus',
    'file:///data/nexus\\..\\x',
    'file:///data/nexus?x',
    'file:///data/nexus#x',
    'file:///data/ne%00xus',
    'file:///data/ne\u0000xus',
    'file:///data/ne\nxus',
    'http://127.0.0.1/x',
    'https://bucket.s3.amazonaws.com/x',
    'ftp://host/x',
    's3://',
    's3:///x',
    's3://key:secret@bucket/x',
    's3://bucket/../other',
    's3://bucket/a//b',
    's3://bucket/.hidden',
    's3://bucket/a\u0000b',
    's3://bucket/a?versionId=1',
    's3://Bucket/a',
    's3://a..b/x',
    's3+ddb://bucket/x',
    `s3://bucket/${'a/'.repeat(600)}a`,
  ])('%j is none', (uri) => {
    expect(parseStoreUri(uri)).toHaveProperty('fault');
  });
});

describe("a route of a tenant's admin", () => {
  it.each([
    ['file:///data/nexus', {}],
    ['file:///data/nexus/acme', {}],
    ['file:///data/nexus/acme/deep/er', {}],
    ['file:///srv/o%20ther/acme', {}],
    ['s3://shared/nexus', {}],
    ['s3://shared/nexus/acme/x', {}],
    ['gs://shared/acme', {}],
    ['s3://any-bucket/any', KEYS],
    ['s3://any-bucket/any', { ...KEYS, endpoint: 'https://minio.example.com' }],
    ['gs://any-bucket', { service_account_key: 'env:RUNSPINE_SECRET_acme_GOOGLE' }],
    ['az://any', { account_name: 'acme', account_key: 'env:RUNSPINE_SECRET_acme_AZURE' }],
  ])('may lead to %s with %j', (uri, options) => {
    expect(check(ACME, uri, options)).toMatchObject({ uri, options });
  });

  it.each([
    // Outside the roots, and beside them.
    ['file:///etc', {}],
    ['file:///data', {}],
    ['file:///data/nexus2/acme', {}],
    ['file:///data/nexusacme', {}],
    // Inside another tenant's folder, where this one's could come to lie within its spaces.
    ['file:///data/nexus/umbrella', {}],
    ['file:///data/nexus/umbrella/default', {}],
    ['file:///data/nexus/t_system', {}],
    ['s3://shared/nexus/umbrella', {}],
    ['s3://shared/acme', {}],
    // The services' own credentials, anywhere else.
    ['s3://operators-bucket/acme', {}],
    ['gs://operators-bucket', {}],
    // Servers inside the operator's network, or the caller's own.
    ['s3://any', { ...KEYS, endpoint: 'http://169.254.169.254', allow_http: 'true' }],
    ['s3://any', { ...KEYS, endpoint: 'https://minio.example.com:8443' }],
    ['s3://any', { ...KEYS, endpoint: 'https://minio.example.com.evil.example' }],
    // Another tenant's secrets, the operator's, and names that only look like its own.
    ['s3://any', { ...KEYS, secret_access_key: 'env:RUNSPINE_SECRET_umbrella_KEY' }],
    ['s3://any', { ...KEYS, secret_access_key: 'env:RUNSPINE_SECRET_SHARED' }],
    ['s3://any', { ...KEYS, secret_access_key: 'env:RUNSPINE_SECRET_acme_corp_KEY' }],
    ['s3://any', { ...KEYS, secret_access_key: 'env:RUNSPINE_SECRET_acme__KEY' }],
    ['s3://any', { ...KEYS, secret_access_key: 'env:RUNSPINE_SECRET_acme' }],
  ])('may not lead to %s with %j', (uri, options) => {
    expect(codeOf(() => check(ACME, uri, options))).toBe('nexus_route.forbidden');
  });

  it('may be of no other tenant, and of no tenant at all', () => {
    expect(codeOf(() => check(ACME, 'file:///data/nexus', {}, 'umbrella'))).toBe('auth.forbidden');
    expect(codeOf(() => check(ACME, 'file:///data/nexus', {}, '*'))).toBe('auth.forbidden');
    expect(codeOf(() => check(ACME, null, {}, '*'))).toBe('auth.forbidden');
    expect(codeOf(() => check({ ...ACME, tenantId: '*' }, null, {}, '*'))).toBe('auth.forbidden');
  });

  it('may say that there is no store', () => {
    expect(check(ACME, null)).toMatchObject({ uri: null, options: {} });
    expect(codeOf(() => check(ACME, null, { region: 'x' }))).toBe('request.invalid');
  });
});

describe('a route of the role system', () => {
  it('may be of anybody, with any secret and any server, and keeps files below the roots', () => {
    const options = {
      access_key_id: 'env:RUNSPINE_SECRET_SHARED_ID',
      secret_access_key: 'env:RUNSPINE_SECRET_SHARED_KEY',
      endpoint: 'http://10.0.0.7:9000',
      allow_http: 'true',
    };
    expect(check(SYSTEM, 's3://operators-bucket', options, '*')).toMatchObject({ tenant_id: '*', options });
    expect(check(SYSTEM, 'file:///data/nexus/umbrella/', {}, 'acme')).toMatchObject({
      uri: 'file:///data/nexus/umbrella',
    });
    expect(codeOf(() => check(SYSTEM, 'file:///etc', {}, '*'))).toBe('nexus_route.forbidden');
  });
});

describe('options', () => {
  it.each([
    ['s3', { secret_access_key: 'AKIA-literal', access_key_id: KEYS.access_key_id }],
    ['s3', { secret_access_key: 'env:RUNSPINE_JOURNAL_KEY', access_key_id: KEYS.access_key_id }],
    ['s3', { secret_access_key: 'env:DATABASE_URL', access_key_id: KEYS.access_key_id }],
    ['s3', { secret_access_key: 'env:runspine_secret_acme_KEY', access_key_id: KEYS.access_key_id }],
    ['s3', { secret_access_key: 'env:RUNSPINE_SECRET_acme_KEY\n', access_key_id: KEYS.access_key_id }],
    ['s3', { secret_access_key: KEYS.secret_access_key }],
    ['s3', { session_token: KEYS.secret_access_key }],
    ['s3', { region: 'us-east-1.evil.example/' }],
    ['s3', { region: 'env:RUNSPINE_SECRET_acme_KEY' }],
    ['s3', { endpoint: 'http://minio.example.com' }],
    ['s3', { endpoint: 'https://user:pw@minio.example.com' }],
    ['s3', { endpoint: 'https://minio.example.com?x=1' }],
    ['s3', { endpoint: 'file:///etc/passwd' }],
    ['s3', { allow_http: 'yes' }],
    ['s3', { aws_profile: 'root' }],
    ['s3', { constructor: 'x' }],
    ['s3', { __proto__x: 'x' }],
    ['gs', { service_account_key: '{"private_key":"literal"}' }],
    ['gs', { service_account: '/etc/passwd' }],
    ['az', {}],
    ['az', { account_name: 'acme' }],
    ['az', { account_name: 'acme.evil.example', account_key: KEYS.secret_access_key }],
    ['file', { anything: 'x' }],
  ] as const)('of %s may not be %j, and the answer does not repeat them', (scheme, options) => {
    const faults = optionFaults(scheme, options);

    expect(faults).not.toEqual([]);
    expect(JSON.stringify(faults)).not.toMatch(/literal|evil|passwd|pw@/);
  });

  it('have secrets only where they are used', () => {
    const secrets = new Map([
      ['RUNSPINE_SECRET_acme_S3_ID', 'id'],
      ['RUNSPINE_SECRET_acme_S3_KEY', 'key'],
    ]);
    expect(resolveSecrets({ ...KEYS, region: 'x' }, secrets)).toEqual({
      access_key_id: 'id',
      secret_access_key: 'key',
      region: 'x',
    });
    expect(() => resolveSecrets(KEYS, new Map([['RUNSPINE_SECRET_acme_S3_ID', 'id']]))).toThrow(
      expect.objectContaining({
        code: 'nexus_route.secret_missing',
        details: { names: ['RUNSPINE_SECRET_acme_S3_KEY'] },
      }),
    );
  });
});

describe('where a route is used', () => {
  it('files outside the folders of this process are refused', () => {
    expect(isAllowedHere('file:///data/nexus/acme', { fileRoots: ['/data/nexus'] })).toBe(true);
    expect(isAllowedHere('file:///data/nexus/acme', { fileRoots: ['/data/other'] })).toBe(false);
    expect(isAllowedHere('file:///data/nexus/acme', { fileRoots: [] })).toBe(false);
    expect(isAllowedHere('http://127.0.0.1/', { fileRoots: ['/'] })).toBe(false);
    expect(isAllowedHere('s3://bucket', { fileRoots: [] })).toBe(true);
  });
});
