import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Row } from '../stack/database.js';
import type { ForeignEvent, ForeignProducer } from '../stack/foreign-producer.js';
import { pipelineRun } from '../stack/scenarios.js';
import { startStack, type Stack } from '../stack/stack.js';

/** What one run has of its own, wherever its events came from. */
const OF_ONE_RUN = new Set([
  ...['run_id', 'step_id', 'event_id', 'correlation_id', 'causation_id', 'last_run_event_id', 'last_event_id'],
  ...['created_at', 'started_at', 'ended_at', 'last_seen_at', 'time', 'recorded_at', 'source', 'room_sequence'],
  ...['source_offset', 'hash', 'prev_hash', 'head_hash', 'data_hash', 'producer_correlation_id'],
]);

let stack: Stack;
let team: ForeignProducer;

beforeAll(async () => {
  stack = await startStack({ gateways: 1 });
  team = await stack.foreign();
});
afterAll(() => stack.close());

describe('the same events, over HTTP and by a plain Kafka producer that knows only docs/events.md', () => {
  let overKafka: Record<string, Row[]>;
  let overHttp: Record<string, Row[]>;

  beforeAll(async () => {
    const events = pipelineRun(team, 'kitchen', 6);
    await team.send(...events);
    await stack.caughtUp();
    overKafka = await rowsOf(events[0]!.data.run_id);
    overHttp = await rowsOf(await postOneByOne(pipelineRun(team, 'kitchen', 6)));
  });

  it('give the same run', () => {
    expect(overKafka.proj_runs).toHaveLength(1);
    expect(overKafka.proj_runs![0]).toMatchObject({ status: 'completed', metrics: { llm_calls: 2, tokens: 180 } });
    expect(overHttp.proj_runs).toEqual(overKafka.proj_runs);
  });

  it('give the same steps', () => {
    expect(overKafka.proj_steps).toHaveLength(6);
    expect(overHttp.proj_steps).toEqual(overKafka.proj_steps);
  });

  it('give the same journal', () => {
    expect(overKafka.run_events!.length).toBeGreaterThan(25);
    expect(overHttp.run_events).toEqual(overKafka.run_events);
  });
});

it('an event in structured mode is the same event', async () => {
  const run_id = team.runId();
  const { key, headers, value } = team.record({ type: 'run.created', data: { run_id, name: 'structured' } });
  const attributes = Object.entries(headers).filter(([name]) => name.startsWith('ce_'));
  const event = {
    ...Object.fromEntries(attributes.map(([name, text]) => [name.slice(3), text])),
    datacontenttype: 'application/json',
    data: JSON.parse(String(value)) as object,
  };
  const structured = { key, value: JSON.stringify(event), headers: { 'content-type': 'application/cloudevents+json' } };
  await team.sendRecords([structured]);
  await stack.caughtUp();
  const run = await stack.http().get(`/v1/runs/${run_id}`);
  expect(run).toMatchObject({ status: 200, body: { name: 'structured', status: 'created' } });
});

it('a producer of a later event need not know correlation or cause; what it says is kept beside', async () => {
  const run_id = team.runId();
  const [created, started] = [randomUUID(), randomUUID()];
  await team.send(
    { type: 'run.created', data: { run_id }, id: created, attributes: { correlationid: 'order-1' } },
    {
      type: 'run.started',
      data: { run_id },
      id: started,
      attributes: { correlationid: 'mine', causationid: 'a-click' },
    },
  );
  await stack.caughtUp();
  const [, event] = (await stack.http().get(`/v1/runs/${run_id}/events`)).body.items;
  expect(event).toMatchObject({
    event_id: started,
    correlation_id: 'order-1',
    causation_id: created,
    producer_correlation_id: 'mine',
    producer_causation_id: 'a-click',
  });
});

it("a plain producer's events meet the same rules, and its rejections are readable", async () => {
  const run_id = team.runId();
  const refused = randomUUID();
  await team.send({ type: 'run.created', data: { run_id } }, { type: 'run.completed', data: { run_id }, id: refused });
  await stack.caughtUp();
  const { items } = (await stack.http().get(`/v1/rejections?run_id=${run_id}`)).body;
  expect(items).toMatchObject([
    { event_id: refused, type: 'run.completed', reason: 'run.invalid_transition', current: 'created', version: 1 },
  ]);
});

it("another tenant's client reads nothing of it", async () => {
  const run_id = team.runId('cellar');
  const id = randomUUID();
  await team.send({ type: 'run.created', data: { run_id, room_id: 'cellar' }, id });
  await stack.caughtUp();
  const stranger = stack.http().with({ 'x-tenant-id': 'stranger' });
  for (const path of ['', '/events', '/steps', '/state', '/stream?after=0']) {
    expect(await stranger.get(`/v1/runs/${run_id}${path}`)).toMatchObject({
      status: 404,
      body: { error: { code: 'run.not_found' } },
    });
  }
  expect((await stranger.get(`/v1/events/${id}`)).status).toBe(404);
  expect((await stranger.get('/v1/runs')).body.items).toEqual([]);
  expect((await stranger.get('/v1/rejections')).body.items).toEqual([]);
  expect(await stranger.post(`/v1/runs/${run_id}/start`)).toMatchObject({ status: 404 });
  expect((await stack.http().get(`/v1/runs/${run_id}`)).body.status).toBe('created');
});

/** Sends events as a client of HTTP would: by the route of each, or as a batch where there is none. */
async function postOneByOne(events: ForeignEvent[]): Promise<string> {
  const http = stack.http();
  const steps = new Map<string, string>();
  let runId = '';
  for (const { type, data } of events) {
    const { run_id: _run, step_id: theirs, ...body } = data as ForeignEvent['data'] & { step_id?: string };
    const step = theirs === undefined ? '' : (steps.get(theirs) ?? '');
    const action = { created: '', started: 'start', completed: 'complete', failed: 'fail', annotated: 'annotate' };
    const verb = action[type.split('.')[1] as keyof typeof action];
    if (type === 'run.created') runId = (await http.post('/v1/runs', body)).body.run_id;
    else if (type === 'step.created')
      steps.set(theirs!, (await http.post(`/v1/runs/${runId}/steps`, body)).body.step_id);
    else if (verb === undefined)
      await ok(`/v1/runs/${runId}/events`, { events: [{ type, data: { ...body, step_id: step } }] });
    else await ok(`/v1/runs/${runId}/${step === '' ? '' : `steps/${step}/`}${verb}`, body);
  }
  return runId;

  async function ok(path: string, body: object): Promise<void> {
    const answer = await http.post(path, body);
    expect({ path, status: answer.status }).toEqual({ path, status: 200 });
  }
}

/** A run's rows without what is of this run only. */
async function rowsOf(runId: string): Promise<Record<string, Row[]>> {
  const orders = { proj_runs: '1', proj_steps: 'created_sequence', run_events: 'run_sequence' };
  const tables: Record<string, Row[]> = {};
  for (const [table, order] of Object.entries(orders)) {
    const rows = await stack.database.rows(`SELECT * FROM ${table} WHERE run_id = $1 ORDER BY ${order}`, [runId]);
    tables[table] = rows.map(withoutIds);
  }
  return tables;
}

function withoutIds(row: Row): Row {
  const kept = Object.entries(row).filter(([name]) => !OF_ONE_RUN.has(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, name === 'data' ? withoutIds(value as Row) : value]));
}
