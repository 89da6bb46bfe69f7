import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newRunId, type RunList } from '@runspine/contracts';
import { type RunningGateway, runGateway, untilReady } from '../running-gateway.fixture.js';
import { HandProjector, type HandRun } from '../streams/hand-projector.fixture.js';

// Real: gateway, Kafka, PostgreSQL. Not real: the projector; the test commits events in its place.
let gateway: RunningGateway;
let projector: HandProjector;
let run: HandRun;

beforeAll(async () => {
  gateway = await runGateway(process.env, { RUNSPINE_CORS_ORIGINS: 'https://app.example.com' });
  projector = await HandProjector.of(gateway.owner, process.env.KAFKA_BROKERS ?? '127.0.0.1:9092');
  await untilReady(gateway);
  run = projector.run('reads');
  await projector.commit(run, 'run.created', { name: 'one', tags: { team: 'a' }, stale_after_s: 3600 });
  await projector.commit(run, 'run.started');
  await projector.commit(run, 'run.annotated', { metadata: { '10': 1, '9': 'ü' } });
});
afterAll(async () => {
  await projector.close();
  await gateway.remove();
});

interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

async function get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await fetch(`${gateway.address}/v1/${path}`, { headers });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

const codeOf = ({ text }: Answer) => (JSON.parse(text) as { error: { code: string } }).error.code;

describe('a run', () => {
  it('has its version as entity tag', async () => {
    const first = await get(`runs/${run.id}`);

    expect([first.status, first.headers.get('etag')]).toEqual([200, '"3"']);
    expect(JSON.parse(first.text)).toMatchObject({ run_id: run.id, status: 'running', version: 3, stalled: false });
  });

  it('that is finished is not sent again to whoever has it, until something is added', async () => {
    const done = projector.run();
    for (const type of ['run.created', 'run.started', 'run.completed'] as const) await projector.commit(done, type);
    const statusOf = async (tag: string) => (await get(`runs/${done.id}`, { 'if-none-match': tag })).status;

    for (const tag of ['"3"', 'W/"3"', '"1", "3"', '*']) expect(await statusOf(tag)).toBe(304);
    for (const tag of ['"2"', '3', '']) expect(await statusOf(tag)).toBe(200);
    await projector.commit(done, 'run.annotated', { tags: { team: 'b' } });
    expect(await statusOf('"3"')).toBe(200);
  });

  it('that is open is sent again: silence and signs of life change it, and no version', async () => {
    const silent = projector.run();
    await projector.commit(silent, 'run.created', { stale_after_s: 1 });
    const known = async () => {
      const { status, text } = await get(`runs/${silent.id}`, { 'if-none-match': '"1"' });
      return [status, text && (JSON.parse(text) as { stalled: boolean }).stalled];
    };

    expect(await known()).toEqual([200, false]);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(await known()).toEqual([200, true]);
    // As a heartbeat does.
    await gateway.owner.query(`UPDATE proj_runs SET last_seen_at = now() + '1 h' WHERE run_id = $1`, [silent.id]);
    expect(await known()).toEqual([200, false]);
  });

  it('gives its events as a page, and whole as lines', async () => {
    const page = JSON.parse((await get(`runs/${run.id}/events?limit=2`)).text) as {
      items: object[];
      next_cursor: string;
    };
    const rest = await get(`runs/${run.id}/events?limit=2&cursor=${page.next_cursor}`);
    const lines = await get(`runs/${run.id}/events`, { accept: 'application/x-ndjson' });

    expect(lines.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
    expect(lines.text.endsWith('\n')).toBe(true);
    const whole = lines.text.trim().split('\n');
    expect([...page.items, ...(JSON.parse(rest.text) as { items: object[] }).items]).toEqual(
      whole.map((line) => JSON.parse(line) as object),
    );
    // Keys in the canonical order, which JSON.parse would not keep.
    expect(whole[2]).toContain('"metadata":{"10":1,"9":"ü"}');
    expect(rest.text).toContain('"metadata":{"10":1,"9":"ü"}');
    const accept = { accept: 'application/x-ndjson' };
    expect(codeOf(await get(`runs/${run.id}/events?cursor=${page.next_cursor}`, accept))).toBe('request.invalid');
    expect(codeOf(await get(`runs/${newRunId('00000000')}/events`, accept))).toBe('run.not_found');
  });

  it('gives its events in the form that is preferred', async () => {
    const typeOf = async (accept: string) =>
      (await get(`runs/${run.id}/events`, { accept })).headers.get('content-type')?.split(';')[0];

    expect(await typeOf('application/json, application/x-ndjson;q=0')).toBe('application/json');
    expect(await typeOf('application/json;q=0.5, application/x-ndjson')).toBe('application/x-ndjson');
  });

  it('varies by what CORS and the representation vary by', async () => {
    const answer = await get(`runs/${run.id}/events`, { origin: 'https://app.example.com' });
    expect(answer.headers.get('vary')).toMatch(/Origin.*Accept/i);
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
  });
});

describe('lists', () => {
  it('go on with their cursor, and refuse one of another list, tenant or filter', async () => {
    for (let i = 0; i < 3; i++) await projector.commit(projector.run('paged'), 'run.created');
    const first = JSON.parse((await get('runs?room=paged&limit=2')).text) as RunList;
    const second = JSON.parse((await get(`runs?room=paged&limit=200&cursor=${first.next_cursor}`)).text) as RunList;

    expect([first.items.length, second.items.length, second.next_cursor]).toEqual([2, 1, null]);
    const cursor = `cursor=${first.next_cursor}`;
    for (const answer of [
      await get(`runs?${cursor}`),
      await get(`runs?room=other&${cursor}`),
      await get(`runs?room=paged&${cursor}`, { 'x-tenant-id': 'other' }),
      await get(`runs?room=paged&${cursor}`, { 'x-env': 'prod' }),
      await get(`rejections?${cursor}`),
      await get(`runs/${run.id}/steps?${cursor}`),
      await get(`runs/${run.id}/events?${cursor}`),
      await get(`events?correlation_id=x&${cursor}`),
      await get('runs?cursor=bm9wZQ'),
    ]) {
      expect([answer.status, codeOf(answer)]).toEqual([400, 'cursor.invalid']);
    }
  });
});

it.each([
  ['runs?unknown=1', 400],
  ['runs?limit=1&limit=2', 400],
  ['runs?stage=%00', 400],
  ['runs?stage=%ff', 200],
  ['runs?tag=%27%3b--', 200],
  ['runs?since=9999-12-31T23:59:59Z', 200],
  ['runs?until=0000-01-01T00:00:00Z', 400],
  ['runs?__proto__=1', 400],
  ['runs?cursor=', 400],
  [`runs/${'run_'.padEnd(36, 'f')}`, 404],
  ['runs/run_%00', 400],
  ["runs/run_'", 400],
  ['runs/..%2f..%2fetc', 400],
  ['events', 400],
  ['events?correlation_id=%20', 400],
  ['events/not-a-uuid', 400],
  ['events/00000000-0000-0000-0000-000000000000', 404],
  ['rejections?reason=', 400],
  ['checkpoints/sha256:', 400],
  [`checkpoints/sha256:${'A'.repeat(64)}`, 400],
  [`checkpoints/sha256:${'a'.repeat(64)}?stage=%00`, 400],
  [`checkpoints/sha256:${'a'.repeat(64)}`, 404],
  ['streams/rooms/UPPER', 400],
  ['streams/rooms/..', 404],
])('answers %s with %i, never 500', async (path, status) => {
  expect((await get(path)).status).toBe(status);
});

it('is for readers', async () => {
  for (const path of ['runs', `runs/${run.id}`, `runs/${run.id}/state`, 'rejections', 'streams/rooms/a']) {
    const answer = await get(path, { 'x-roles': 'writer' });
    expect([answer.status, codeOf(answer)]).toEqual([403, 'auth.forbidden']);
  }
});

it('documents every read and stream', async () => {
  const document = (await (await fetch(`${gateway.address}/docs-json`)).json()) as {
    paths: Record<string, object>;
    components: { schemas: Record<string, object> };
  };
  expect(Object.keys(document.paths)).toEqual(
    expect.arrayContaining(['/v1/runs/{runId}/state', '/v1/checkpoints/{fingerprint}', '/v1/streams/rooms/{roomId}']),
  );
  const references = JSON.stringify(document).matchAll(/#\/components\/schemas\/([^"]+)/g);
  for (const [, name] of references) expect(document.components.schemas).toHaveProperty([name!]);
});
