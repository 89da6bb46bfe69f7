import { expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { identifyDevelopment } from './identity.js';
import { currentContext, requestIdOf, requestLogFields, type RequestContext, runInContext } from './request-context.js';

it('keeps requests apart while they wait', async () => {
  const seen = await Promise.all(
    ['a', 'b'].map((requestId) =>
      runInContext({ requestId }, async () => {
        await delay(requestId === 'a' ? 20 : 1);
        return currentContext()?.requestId;
      }),
    ),
  );

  expect(seen).toEqual(['a', 'b']);
  expect(currentContext()).toBeUndefined();
});

it('gives log lines the request, and the caller once known', () => {
  const context: RequestContext = { requestId: 'r1' };
  runInContext(context, () => {
    expect(requestLogFields()).toEqual({ request_id: 'r1' });
    context.identity = identifyDevelopment({ 'x-tenant-id': 't1' }, '127.0.0.1');
    expect(requestLogFields()).toEqual({ request_id: 'r1', tenant_id: 't1', env: 'default', subject: 'developer' });
  });
  expect(requestLogFields()).toEqual({});
});

it('takes the caller’s request id where it can be shown safely', () => {
  expect(requestIdOf({ 'x-request-id': 'abc-1' })).toBe('abc-1');
  for (const odd of ['', 'a b', 'a\nb', 'x'.repeat(129), 'ü']) {
    expect(requestIdOf({ 'x-request-id': odd })).toMatch(/^[0-9a-f-]{36}$/);
  }
});
