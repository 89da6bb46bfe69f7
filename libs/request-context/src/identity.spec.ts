import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@runspine/contracts';
import { hasRole, identifyDevelopment, requireRole, type Role } from './identity.js';

const HERE = '127.0.0.1';

function refusalOf(work: () => unknown): ServiceError {
  try {
    work();
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('identifyDevelopment', () => {
  it('makes a caller without headers a reader, writer and ingester of the defaults', () => {
    expect(identifyDevelopment({}, HERE)).toEqual({
      tenantId: 'default',
      env: 'default',
      projectId: 'default',
      surfaceId: 'default',
      subject: 'developer',
      roles: new Set(['reader', 'writer', 'ingester']),
    });
  });

  it('believes the headers', () => {
    const headers = { 'x-tenant-id': 't_acme', 'x-env': 'prod', 'x-project-id': 'p1', 'x-surface-id': 'health' };

    expect(identifyDevelopment({ ...headers, 'x-roles': 'admin, reader' }, '::1')).toMatchObject({
      tenantId: 't_acme',
      env: 'prod',
      projectId: 'p1',
      surfaceId: 'health',
      roles: new Set(['admin', 'reader']),
    });
  });

  it.each(['', 'A', '-a', 'a b', "a'b", 'a/b', 'a\u0000', 'a'.repeat(65), 'a, b'])(
    'refuses %j as a tenant',
    (tenant) => {
      const refusal = refusalOf(() => identifyDevelopment({ 'x-tenant-id': tenant }, HERE));

      expect([refusal.code, refusal.message]).toEqual([
        'request.invalid',
        expect.stringMatching(/^X-Tenant-Id must match/),
      ]);
    },
  );

  it('names every wrong header at once', () => {
    const refusal = refusalOf(() => identifyDevelopment({ 'x-env': 'Ü', 'x-roles': 'reader,king' }, HERE));

    expect(refusal.details.faults).toMatchObject([{ path: 'X-Env' }, { path: 'X-Roles' }]);
  });

  it('refuses callers from elsewhere', () => {
    expect(refusalOf(() => identifyDevelopment({}, '10.0.0.7')).code).toBe('auth.forbidden');
    expect(() => identifyDevelopment({}, '::ffff:127.0.0.1')).not.toThrow();
  });
});

describe('identifyDevelopment by the name that is called', () => {
  it.each([
    'localhost',
    'localhost:8080',
    '127.0.0.1:8080',
    '127.1.2.3',
    '[::1]:8080',
    'app.localhost:80',
    'LOCALHOST',
  ])('believes callers of %s', (host) => {
    expect(() => identifyDevelopment({ host }, HERE)).not.toThrow();
  });

  it.each([
    'evil.example',
    'evil.example:8080',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'x',
    '',
    '10.0.0.7',
  ])('refuses %j: a page of another site may have given its name this address', (host) => {
    expect(refusalOf(() => identifyDevelopment({ host }, HERE)).code).toBe('auth.forbidden');
  });
});

describe('roles', () => {
  const allowed: Record<Role, Role[]> = {
    reader: ['reader'],
    writer: ['writer'],
    ingester: ['ingester'],
    admin: ['reader', 'writer', 'ingester', 'admin'],
    system: ['reader', 'writer', 'ingester', 'admin', 'system'],
  };

  it.each(Object.entries(allowed) as [Role, Role[]][])('%s allows %j and nothing else', (held, expected) => {
    const roles = new Set([held]);

    expect(allowed.system.filter((role) => hasRole({ roles }, role))).toEqual(expected);
  });

  it('says which role is missing', () => {
    const refusal = refusalOf(() => requireRole(identifyDevelopment({ 'x-roles': '' }, HERE), 'writer'));

    expect([refusal.code, refusal.details]).toEqual(['auth.forbidden', { required: 'writer' }]);
    expect(() => requireRole(identifyDevelopment({}, HERE), 'writer')).not.toThrow();
  });
});
