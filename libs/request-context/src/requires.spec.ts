import { Controller, type ExecutionContext, Get } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { type Authenticator, developmentAuthenticator } from './identity.js';
import { type RequestContext, runInContext } from './request-context.js';
import { Requires, RoleGuard } from './requires.js';

@Controller()
class Routes {
  @Get()
  @Requires('writer')
  write(): void {}
}

/** What a guard of Nest sees of a request to `Routes.write`. */
function callOf(headers: Record<string, string>): ExecutionContext {
  const request = { headers, raw: { socket: { remoteAddress: '127.0.0.1' } } };
  const http = { getRequest: () => request };
  return { getHandler: () => Routes.prototype.write, switchToHttp: () => http } as unknown as ExecutionContext;
}

const slow: Authenticator = { identify: (request) => Promise.resolve(developmentAuthenticator.identify(request)) };

describe.each([
  ['that knows at once', developmentAuthenticator],
  ['that asks first', slow],
])('a route with a role, by an authenticator %s', (_, authenticator) => {
  const guard = new RoleGuard(authenticator);

  it('lets callers through who hold the role, and one that implies it', async () => {
    for (const roles of ['writer', 'reader,writer', 'admin', 'system']) {
      expect(await guard.canActivate(callOf({ 'x-roles': roles }))).toBe(true);
    }
  });

  it('refuses whoever does not, and tells the log who it was', async () => {
    const context: RequestContext = { requestId: 'r1' };

    await expect(
      runInContext(context, async () => guard.canActivate(callOf({ 'x-roles': 'reader', 'x-tenant-id': 'acme' }))),
    ).rejects.toMatchObject({ code: 'auth.forbidden', details: { required: 'writer' } });
    expect(context.identity?.tenantId).toBe('acme');
  });

  it('hands on what the authenticator refuses', async () => {
    await expect((async () => guard.canActivate(callOf({ 'x-tenant-id': 'NO' })))()).rejects.toMatchObject({
      code: 'request.invalid',
    });
  });
});
