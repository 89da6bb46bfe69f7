import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { runGateway } from '../running-gateway.fixture.js';
import { errorOf, IngestCaller, insertTask, taskOf } from './ingest-caller.fixture.js';

let caller: IngestCaller;
const send: IngestCaller['send'] = (...asked) => caller.send(...asked);
const ingest: IngestCaller['ingest'] = (...asked) => caller.ingest(...asked);
const sent = () => caller.sent();

beforeAll(async () => {
  caller = await IngestCaller.start(process.env);
});
afterAll(() => caller.remove());
beforeEach(() => void (caller.correlation = `c-${Math.random()}`));

describe('an idempotency key', () => {
  const body = { documents: [{ text: 'x' }] };

  it('gives one task and one event, however often it is sent', async () => {
    const headers = { 'idempotency-key': `k-${caller.correlation}` };
    const answers = await Promise.all(Array.from({ length: 3 }, () => ingest(body, headers)));
    answers.push(await ingest(body, headers));
    const ids = await Promise.all(answers.map(taskOf));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    expect(new Set(ids).size).toBe(1);
    expect(answers[3]!.headers.get('idempotency-replayed')).toBe('true');
    const ownTenant = await taskOf(await ingest(body, { ...headers, 'x-tenant-id': 'other' }));
    expect(ownTenant).not.toBe(ids[0]);
    const events = await sent();
    expect(new Set(events.map(({ id }) => id)).size).toBe(2);
    expect(events.filter(({ tenantid }) => tenantid === 'default').length).toBe(1);
  });

  it('with another body, path or scope is 422', async () => {
    const headers = { 'idempotency-key': `k-${caller.correlation}`, 'x-roles': 'admin' };
    expect((await ingest(body, headers)).status).toBe(202);
    const others = [
      await ingest({ documents: [{ text: 'y' }] }, headers),
      await ingest({ ...body, scope: 'global' }, headers),
      await send('POST', '/nexus/spaces/other/ingest', body, headers),
    ];
    for (const answer of others) {
      expect([answer.status, (await errorOf(answer)).code]).toEqual([422, 'idempotency.key_reused']);
    }
    expect(await sent()).toHaveLength(1);
  });

  it('is known from the projection where this gateway does not know it', async () => {
    const headers = { 'idempotency-key': `k-${caller.correlation}` };
    const id = await taskOf(await ingest(body, headers));
    const hash = (await sent())[0]!.idempotencyhash;
    const another = await runGateway(process.env);
    try {
      await insertTask(another, id, 'completed', { hash });
      const repeat = { ...headers, 'content-type': 'application/json' };
      const post = (value: unknown) =>
        fetch(`${another.address}/nexus/spaces/handbook/ingest`, {
          method: 'POST',
          headers: repeat,
          body: JSON.stringify(value),
        });
      const again = await post(body);
      expect([again.status, await taskOf(again), again.headers.get('idempotency-replayed')]).toEqual([202, id, 'true']);
      expect((await post({ documents: [{ text: 'y' }] })).status).toBe(422);
    } finally {
      await another.remove();
    }
  });
});
