import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ClientFixture } from '../client.fixture.js';
import { fail, json } from '../gateway.fixture.js';

let at: ClientFixture;

beforeEach(async () => {
  at = await ClientFixture.start();
});

afterEach(() => at.gateway.die());

describe('nexus', () => {
  const task =
    (status: string, more = {}) =>
    (response: ServerResponse) =>
      json(response, 200, { task_id: 't', status, errors: [], ...more });
  const accepted = (response: ServerResponse) => json(response, 202, { task_id: 't' });

  it('ingests, and waits for the task only if asked', async () => {
    at.answer(
      accepted,
      (response) => fail(response, 404, 'nexus.task_not_found'),
      task('running'),
      task('completed', { version: 3 }),
    );
    expect(await at.client.nexus.ingest('docs', { documents: [{ text: 'a' }] })).toEqual({ task_id: 't' });
    expect(at.gateway.requests).toHaveLength(1);
    expect(await at.client.nexus.waitForTask('t')).toMatchObject({ status: 'completed', version: 3 });
    at.answer(accepted, task('completed'));
    expect(
      await at.client.nexus.removeDocument('docs', 'a/b', { wait: { waitMs: 1000 }, scope: 'global' }),
    ).toMatchObject({ status: 'completed' });
    expect(at.gateway.requests.at(-2)!).toMatchObject({
      method: 'DELETE',
      path: '/nexus/spaces/docs/documents/a%2Fb?scope=global',
    });
  });

  it('throws what a task came to, or that it is not done', async () => {
    at.answer(accepted, task('failed', { errors: [{ code: 'nexus.embedding_mismatch', message: 'other model' }] }));
    await expect(at.client.nexus.ingest('docs', { documents: [] }, { wait: true })).rejects.toMatchObject({
      code: 'client.task_failed',
      message: expect.stringContaining('nexus.embedding_mismatch'),
    });
    at.answer(task('running'));
    await expect(at.client.nexus.waitForTask('t', { waitMs: 30 })).rejects.toMatchObject({
      code: 'client.task_pending',
      details: { task_id: 't' },
    });
    at.answer((response) => fail(response, 403, 'auth.forbidden'));
    await expect(at.client.nexus.waitForTask('t')).rejects.toMatchObject({ code: 'auth.forbidden' });
    at.answer((response) => fail(response, 404, 'nexus.task_not_found'));
    await expect(at.client.nexus.waitForTask('t', { waitMs: 30 })).rejects.toMatchObject({
      code: 'nexus.task_not_found',
    });
    at.answer((response) => json(response, 202, {}));
    await expect(at.client.nexus.ingest('docs', { documents: [] })).rejects.toMatchObject({
      code: 'client.bad_answer',
    });
  });

  it('queries, page after page', async () => {
    const page = (ids: string[], next: string | null) => (response: ServerResponse) =>
      json(response, 200, { hits: ids.map((id) => ({ id })), next_cursor: next });
    at.answer(page(['a', 'b'], 'n'), page(['c'], null));
    const ids = [];
    for await (const hit of at.client.nexus.hits('docs', { query: 'x' })) ids.push(hit.id);
    expect(ids).toEqual(['a', 'b', 'c']);
    expect(JSON.parse(at.gateway.requests[1]!.body)).toEqual({ query: 'x', cursor: 'n' });
    at.answer(page(['a'], 'n'));
    await expect(
      (async () => {
        for await (const hit of at.client.nexus.hits('docs', {})) ids.push(hit.id);
      })(),
    ).rejects.toMatchObject({ code: 'client.bad_answer' });
    at.answer((response) => json(response, 200, {}));
    await expect(at.client.nexus.query('docs', {})).rejects.toMatchObject({ code: 'client.bad_answer' });
  });

  it('uploads bytes, and tells of spaces', async () => {
    at.answer((response, { body }) => json(response, 201, { blob_uri: 'blob://a', bytes: body.length }));
    expect(await at.client.nexus.uploadBlob(new TextEncoder().encode('four'))).toEqual({
      blob_uri: 'blob://a',
      bytes: 4,
    });
    expect(at.gateway.requests[0]!.headers['content-type']).toBe('application/octet-stream');
    at.answer((response) => json(response, 200, { items: [{ space_id: 'a' }], next_cursor: null }));
    expect(await at.client.nexus.spaces({ scope: 'global' }).first(5)).toEqual([{ space_id: 'a' }]);
    await at.client.nexus.space('a', { scope: 'tenant' });
    expect(at.gateway.requests.at(-1)!.path).toBe('/nexus/spaces/a?scope=tenant');
  });

  it('lists research runs page after page, and says what a question belongs to', async () => {
    at.answer(
      (response) => json(response, 200, { items: [{ id: 'a' }, { id: 'b' }], next_cursor: 'n' }),
      (response) => json(response, 200, { items: [{ id: 'c' }], next_cursor: null }),
      (response) => json(response, 200, { hits: [], next_cursor: null }),
    );
    const ids = [];
    for await (const { id } of at.client.nexus.runs({
      window_days: 30,
      kind: 'pack',
      status: 'failed',
      project: 'p',
      limit: 2,
    }))
      ids.push(id);
    expect(ids).toEqual(['a', 'b', 'c']);
    const asked = '/nexus/runs?window_days=30&kind=pack&status=failed&project=p&limit=2';
    expect(at.gateway.requests.map(({ path }) => path)).toEqual([asked, `${asked}&cursor=n`]);
    await at.client.nexus.query('docs', { query: 'x' }, { correlationId: 'study', traceparent: '00-a-b-01' });
    expect(at.gateway.requests.at(-1)!.headers).toMatchObject({
      'x-correlation-id': 'study',
      traceparent: '00-a-b-01',
    });
  });
});
