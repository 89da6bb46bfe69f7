import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { HttpClient } from '../stack/http-client.js';
import type { ServiceProcess } from '../stack/service-process.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

/* A commit tells whoever waits for its outcomes; the feed tells everybody, a little later. */

let stack: Stack;
let http: HttpClient;

beforeAll(async () => {
  stack = await startStack({ gateways: 1 });
  http = stack.http();
  await listening(stack.gateways[0]!);
});
afterAll(() => stack.close());

it('an awaited write is told by its commit, applied or refused, and the feed has it without the resource', async () => {
  const before = await toldBy();
  const created = await http.post('/v1/runs', { room_id: 'kitchen' });
  expect(created).toMatchObject({ status: 201, body: { status: 'created', version: 1 } });
  const run: string = created.body.run_id;
  expect(await http.post(`/v1/runs/${run}/complete`)).toMatchObject({ status: 409 });
  const step = await http.post(`/v1/runs/${run}/steps`, { name: 'boil' });
  expect(step).toMatchObject({ status: 201, body: { name: 'boil', status: 'pending' } });
  expect(await toldBy()).toEqual({ ...before, notice: (before.notice ?? 0) + 3 });

  const told = await feedOf(run, 3);
  expect(told.map(({ outcome }) => outcome.outcome)).toEqual(['applied', 'rejected', 'applied']);
  expect(told.filter(({ resource }) => resource)).toEqual([]);
});

it('every event of an awaited batch is', async () => {
  const before = await toldBy();
  const run: string = (await http.post('/v1/runs', { name: 'éà☃'.repeat(50) })).body.run_id;
  const events = Array.from({ length: 30 }, (_, index) => ({
    type: 'run.annotated',
    data: { run_id: run, metadata: { index } },
  }));
  const answer = await http.post(`/v1/runs/${run}/events`, { events });
  expect(answer.status).toBe(200);
  expect(answer.body.results.map(({ run_sequence }: { run_sequence: number }) => run_sequence)).toEqual(
    events.map((_, index) => index + 2),
  );
  expect(await toldBy()).toEqual({ ...before, notice: (before.notice ?? 0) + 31 });
});

it('a resource that no notification holds comes by the feed', async () => {
  const before = await toldBy();
  const created = await http.post('/v1/runs', { metadata: { text: '☃'.repeat(4000) } });
  expect(created).toMatchObject({ status: 201, body: { metadata: { text: '☃'.repeat(4000) } } });
  expect(await toldBy()).toEqual({ ...before, feed: (before.feed ?? 0) + 1 });
});

it('an event id that came before, with the same or with other data, is told as what it is', async () => {
  const run: string = (await http.post('/v1/runs')).body.run_id;
  const event_id = randomUUID();
  const annotate = (value: number) => http.post(`/v1/runs/${run}/annotate`, { event_id, metadata: { value } });
  expect(await annotate(1)).toMatchObject({ status: 200, body: { version: 2 } });
  const again = await annotate(1);
  expect(again).toMatchObject({ status: 200, body: { version: 2 } });
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(await annotate(2)).toMatchObject({ status: 409, body: { error: { code: 'event.id_reused' } } });
});

it('a producer that listens is told what docs/events.md says, and one that names no channel reaches nobody', async () => {
  const client = new pg.Client({ connectionString: stack.database.url });
  await client.connect();
  const notices: { outcome: Record<string, unknown>; hash: string }[] = [];
  client.on('notification', ({ payload }) => notices.push(...(JSON.parse(payload!) as typeof notices)));
  await client.query('LISTEN another_team');
  try {
    const team = await stack.foreign();
    const [heard, unheard, odd] = [team.runId(), team.runId(), team.runId()];
    await team.send(
      { type: 'run.created', data: { run_id: unheard } },
      { type: 'run.created', data: { run_id: odd }, attributes: { replyto: 'no "channel' } },
      { type: 'run.created', data: { run_id: heard }, attributes: { replyto: 'another_team' } },
      { type: 'run.completed', data: { run_id: heard }, attributes: { replyto: 'another_team' } },
    );
    await stack.caughtUp();
    await until('two notices', () => notices.length === 2);
    expect(notices.map(({ outcome }) => [outcome.run_id, outcome.outcome, outcome.reason])).toEqual([
      [heard, 'applied', undefined],
      [heard, 'rejected', 'run.invalid_transition'],
    ]);
    expect(notices[0]).toEqual({ outcome: expect.any(Object), hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(await stack.database.count('proj_runs', 'run_id = ANY($1)', [[heard, unheard, odd]])).toBe(3);
  } finally {
    await client.end();
  }
});

describe('while nobody can be told', () => {
  it('a listener whose connection is cut listens again; writes meanwhile are answered', async () => {
    const cut = await stack.database.rows(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query ~ '^(NOTIFY|LISTEN) runspine_'`,
    );
    expect(cut).toHaveLength(1);
    expect(await http.post('/v1/runs')).toMatchObject({ status: 201, body: { status: 'created' } });
    await listening(stack.gateways[0]!);
    const before = await toldBy();
    expect(await http.post('/v1/runs')).toMatchObject({ status: 201 });
    expect(await toldBy()).toEqual({ ...before, notice: (before.notice ?? 0) + 1 });
  });

  it('a gateway that is not to listen is told by the feed, with the resource', async () => {
    stack.env.RUNSPINE_NOTICES = 'false';
    const deaf = await stack.add('gateway');
    expect(await deaf.metric('runspine_gateway_notices_listening')).toBe(0);
    const created = await stack.http(1).post('/v1/runs', { name: 'by the feed' });
    expect(created).toMatchObject({ status: 201, body: { name: 'by the feed' } });
    expect(await toldBy(deaf)).toEqual({ feed: 1 });
    expect((await feedOf(created.body.run_id, 1))[0]?.resource).toMatchObject({ run: { name: 'by the feed' } });
  });

  it('a projector that PostgreSQL lets notify nobody applies all the same, and says so once', async () => {
    await stack.database.rows('REVOKE EXECUTE ON FUNCTION pg_notify(text, text) FROM PUBLIC');
    const before = await toldBy();
    const run: string = (await http.post('/v1/runs')).body.run_id;
    expect(await http.post(`/v1/runs/${run}/start`)).toMatchObject({ status: 200, body: { version: 2 } });
    expect(await http.post(`/v1/runs/${run}/complete`)).toMatchObject({ status: 200, body: { version: 3 } });
    expect(await toldBy()).toEqual({ ...before, feed: (before.feed ?? 0) + 3 });
    const said = stack.projectors[0]!.lines.filter(({ fields }) => String(fields.msg).includes('refuse notifications'));
    expect(said).toHaveLength(1);
  });
});

/** Outcomes that a gateway waited for, by who told them. */
async function toldBy(gateway: ServiceProcess = stack.gateways[0]!): Promise<Record<string, number>> {
  const text = await (await fetch(`${gateway.address}/metrics`)).text();
  const counted = text.matchAll(/^runspine_gateway_waits_total\{.*told_by="(\w+)".*\} (\d+)$/gm);
  return Object.fromEntries([...counted].map(([, by, count]) => [by!, Number(count)]));
}

async function listening(gateway: ServiceProcess): Promise<void> {
  await until('the gateway to listen', async () => (await gateway.metric('runspine_gateway_notices_listening')) === 1);
}

/** What the feed tells of a run, once it has told so much. */
async function feedOf(runId: string, count: number): Promise<{ outcome: { outcome: string }; resource?: object }[]> {
  return until(`${count} outcomes on the feed`, async () => {
    const records = (await stack.read('feed')).filter(({ headers }) => headers.ce_subject === runId);
    const told = records.flatMap(
      ({ value }) => JSON.parse(String(value)).outcomes as { outcome: { outcome: string } }[],
    );
    return told.length >= count ? told : undefined;
  });
}
