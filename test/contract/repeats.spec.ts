import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { ForeignEvent, ForeignProducer } from '../stack/foreign-producer.js';
import type { Answer } from '../stack/http-client.js';
import { rebuildFaults, sequenceFaults } from '../stack/journal.js';
import { pipelineRun } from '../stack/scenarios.js';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

let stack: Stack;
let team: ForeignProducer;

beforeAll(async () => {
  stack = await startStack({ gateways: 2 });
  team = await stack.foreign();
});
afterAll(() => stack.close());

describe('every command, sent twice with one event id', () => {
  const error = { message: 'broke' };
  const runs = new Map<string, string>();
  let step: string;

  beforeAll(async () => {
    const http = stack.http();
    for (const name of ['a', 'b', 'c', 'd']) runs.set(name, (await http.post('/v1/runs')).body.run_id);
    for (const name of ['a', 'b']) await http.post(`/v1/runs/${runs.get(name)}/start`);
    step = (await http.post(`/v1/runs/${runs.get('b')}/steps`, { name: 'one' })).body.step_id;
  });

  /** Paths begin at a run by its name; `:step` is a step of run b. */
  it.each<[path: string, body: object]>([
    ['', { name: 'twice' }],
    ['/c/start', {}],
    ['/c/heartbeat', {}],
    ['/c/annotate', { tags: { a: 'b' }, metadata: { n: 1 } }],
    ['/c/complete', { output: [1, 2] }],
    ['/a/fail', { error }],
    ['/d/cancel', { reason: 'enough' }],
    ['/b/steps', { name: 'two' }],
    ['/b/steps/:step/start', {}],
    ['/b/steps/:step/fail', { error }],
    ['/b/steps/:step/start', { attempt: 2 }],
    ['/b/steps/:step/complete', { output: 'done' }],
    ['/d/start', {}],
    ['/c/erase', { reason: 'asked for' }],
  ])('POST /v1/runs%s %j changes nothing the second time, and is answered alike', async (path, body) => {
    const named = path.replace(/^\/([a-d])/, (_, name: string) => `/${runs.get(name)}`).replace(':step', step);
    const send = (gateway: number) =>
      stack.http(gateway).post(`/v1/runs${named}`, { ...body, ...ids }, { 'x-roles': 'admin' });
    const ids = { event_id: randomUUID(), ...(path === '' ? { run_id: team.runId() } : {}) };
    if (path === '/b/steps') Object.assign(ids, { step_id: team.stepId() });
    const first = await send(0);
    const before = await stack.database.dump();
    const second = await send(1);
    await stack.caughtUp();
    expect(await stack.database.dump()).toEqual(before);
    expect(second.status).toBe(first.status);
    if (first.status < 300) expect(second.body).toEqual(first.body);
    else expect(second.body.error.code).toBe(first.body.error.code);
    expect([200, 201, 409]).toContain(first.status);
  });

  it('an event id that comes again with other data is refused, and the first stays', async () => {
    const run_id: string = (await stack.http().post('/v1/runs')).body.run_id;
    const event_id = randomUUID();
    await stack.http().post(`/v1/runs/${run_id}/start`, { event_id, task_count: 1 });
    const reused = await stack.http().post(`/v1/runs/${run_id}/start`, { event_id, task_count: 2 });
    expect(reused).toMatchObject({ status: 409, body: { error: { code: 'event.id_reused' } } });
    expect((await stack.http().get(`/v1/runs/${run_id}`)).body).toMatchObject({ task_count: 1, version: 2 });
    expect((await stack.http().get(`/v1/events/${event_id}`)).body).toMatchObject({ outcome: 'applied' });
  });

  it('an event id that comes again in another env is refused there, and tells nothing of the run', async () => {
    const run_id: string = (await stack.http().post('/v1/runs')).body.run_id;
    const event_id = randomUUID();
    await stack.http().post(`/v1/runs/${run_id}/start`, { event_id });
    const other = stack.http().with({ 'x-env': 'other' });
    const { status, body } = await other.post(`/v1/runs/${run_id}/start`, { event_id });

    expect([status, body.error.code, body.run]).toEqual([409, 'event.id_reused', undefined]);
    const { items } = (await other.get('/v1/rejections')).body;
    expect(items).toEqual([expect.objectContaining({ event_id, env: 'other', reason: 'event.id_reused' })]);
    expect(await stack.http().post(`/v1/runs/${run_id}/start`, { event_id })).toMatchObject({ status: 200 });
  });
});

it('a redelivered partition changes nothing: no row of any table', async () => {
  const events = Array.from({ length: 12 }, (_, index) => pipelineRun(team, `room-${index}`, 4)).flat();
  const runs = events.filter(({ type }) => type === 'run.created').map(({ data }) => data.run_id);
  const keyed = { idempotencykey: 'k-redelivered', idempotencyhash: 'ab'.repeat(32) };
  const refused = runs.map((run_id) => ({ type: 'run.started', data: { run_id } }));
  await team.send(...events, ...refused, { type: 'run.annotated', data: { run_id: runs[0]! }, attributes: keyed });
  await stack.caughtUp();
  const before = await stack.database.dump();
  expect(before.rejections.length).toBeGreaterThanOrEqual(12);
  expect(before.idempotency_keys.length).toBeGreaterThanOrEqual(1);

  // From the beginning, and then from the middle: a batch of old and new.
  for (const share of [0, 0.5]) {
    const [projector] = stack.projectors;
    await projector!.stop();
    await stack.rewind((_, stored) => Math.floor(stored * share));
    await projector!.start();
    await stack.caughtUp();
    expect(await stack.database.dump()).toEqual(before);
    expect(await stack.read('deadLetter')).toEqual([]);
  }
  await stack.projectors[0]!.ready();
});

it('a position that is moved under a working projector is noticed: it reads again from there, and changes nothing', async () => {
  const events = Array.from({ length: 8 }, (_, index) => pipelineRun(team, `moved-${index}`, 2)).flat();
  await team.send(...events);
  await stack.caughtUp();
  const before = await stack.database.dump();
  await stack.rewind((_, stored) => Math.floor(stored / 3));
  // It learns of it with the next record of each partition.
  const runs = Array.from({ length: 40 }, () => team.runId());
  await team.send(...runs.map((run_id) => ({ type: 'run.created', data: { run_id } })));
  await stack.caughtUp();
  await stack.database.untilCount('run_events', before.run_events.length + runs.length);
  const after = await stack.database.dump();
  expect(after.run_events).toEqual(expect.arrayContaining(before.run_events));
  expect(after.rejections).toEqual(before.rejections);
  expect(after.event_outcomes).toHaveLength(before.event_outcomes.length + runs.length);
});

describe('a run.created that is not the first, in one batch with what follows it', () => {
  const keyed = { idempotencykey: 'in-one-batch', idempotencyhash: 'ef'.repeat(32) };

  it.each<[what: string, reason: string | null, again: (run_id: string) => ForeignEvent[]]>([
    [
      'that expects another version',
      'run.exists',
      (run_id) => [{ type: 'run.created', data: { run_id }, attributes: { expectedversion: '7' } }],
    ],
    ['that says the same anew', 'run.exists', (run_id) => [{ type: 'run.created', data: { run_id } }]],
    [
      'whose event id came just before with other data',
      'event.id_reused',
      (run_id) => {
        const id = randomUUID();
        const sibling = { run_id: siblingOf(run_id) };
        return [
          { type: 'run.created', id, data: sibling },
          { type: 'run.created', id, data: { run_id } },
        ];
      },
    ],
    [
      'whose idempotency key came just before',
      null,
      (run_id) => [
        { type: 'run.created', data: { run_id: siblingOf(run_id) }, attributes: keyed },
        { type: 'run.created', data: { run_id }, attributes: keyed },
      ],
    ],
  ])('%s: what follows it is applied', async (_what, reason, again) => {
    const run_id = team.runId();
    await team.send({ type: 'run.created', data: { run_id } });
    await stack.caughtUp();
    // A projector that begins anew has nothing of the run in hand.
    await stack.projectors[0]!.stop();
    await team.send(...again(run_id), { type: 'run.started', data: { run_id } });
    await stack.projectors[0]!.start();
    await stack.caughtUp();
    const { status, version } = await stack.database.row('SELECT * FROM proj_runs WHERE run_id = $1', [run_id]);
    expect({ status, version }).toEqual({ status: 'running', version: 2 });
    const rejections = await stack.database.rows('SELECT reason FROM rejections WHERE run_id = $1', [run_id]);
    expect(rejections).toEqual(reason === null ? [] : [{ reason }]);
  });

  /** Another run of the same partition. */
  function siblingOf(runId: string): string {
    return runId.slice(0, 24) + team.runId().slice(24);
  }
});

describe('one idempotency key', () => {
  it('from two gateways at once has one effect, and both callers get the same run', async () => {
    const rounds = await Promise.all(
      Array.from({ length: 25 }, (_, round) => {
        const key = { 'idempotency-key': `race-${round}` };
        return Promise.all([0, 1].map((gateway) => stack.http(gateway).post('/v1/runs', { name: 'once' }, key)));
      }),
    );
    for (const [one, other] of rounds as [Answer, Answer][]) {
      expect([one.status, other.status]).toEqual([201, 201]);
      expect(other.body).toEqual(one.body);
      expect([one, other].filter(({ headers }) => headers.get('idempotency-replayed') === 'true')).toHaveLength(1);
    }
    expect(await stack.database.count('proj_runs', "name = 'once'")).toBe(25);
    expect(await stack.database.count('run_events', "data->>'name' = 'once'")).toBe(25);
  });

  it('in two rooms at once, on two partitions, has one effect, too', async () => {
    const rounds = await Promise.all(
      Array.from({ length: 25 }, (_, round) => {
        const run = (room: string) => ({ type: 'run.created', data: { run_id: team.runId(room), room_id: room } });
        const attributes = { idempotencykey: `rooms-${round}`, idempotencyhash: 'cd'.repeat(32) };
        const pair = [run(`left-${round}`), run(`right-${round}`)].map((event) => ({ ...event, attributes }));
        return team.send(...pair).then(() => pair.map(({ data }) => data.run_id));
      }),
    );
    await stack.caughtUp();
    for (const pair of rounds) {
      expect(await stack.database.count('proj_runs', 'run_id = ANY ($1)', [pair])).toBe(1);
    }
  });

  it('tells a repeat the first outcome and the resource as of then, applied or refused', async () => {
    const http = stack.http();
    const run: string = (await http.post('/v1/runs')).body.run_id;
    const start = () => http.post(`/v1/runs/${run}/start`, {}, { 'idempotency-key': `start-${run}` });
    const started = await start();
    const refuse = () => http.post(`/v1/runs/${run}/start`, {}, { 'idempotency-key': `again-${run}` });
    const refused = await refuse();
    await http.post(`/v1/runs/${run}/complete`);
    expect(await start()).toMatchObject({ status: 200, body: started.body });
    const again = await refuse();
    expect(again.status).toBe(409);
    expect(again.body.error.details.current).toBe(refused.body.error.details.current);
    expect(again.body.error.details.current).toBe('running');
  });

  it('with another route or body is 422', async () => {
    const http = stack.http();
    const key = { 'idempotency-key': 'meant-once' };
    const run: string = (await http.post('/v1/runs', { name: 'a' }, key)).body.run_id;
    const bodies = await http.post('/v1/runs', { name: 'b' }, key);
    const routes = await http.post(`/v1/runs/${run}/start`, {}, key);
    for (const answer of [bodies, routes]) {
      expect(answer).toMatchObject({ status: 422, body: { error: { code: 'idempotency.key_reused' } } });
    }
    expect((await http.get(`/v1/runs/${run}`)).body).toMatchObject({ name: 'a', status: 'created' });
  });

  it("is the tenant's own", async () => {
    const key = { 'idempotency-key': 'everybody-says-this' };
    const one = await stack.http().post('/v1/runs', {}, key);
    const other = await stack.http().with({ 'x-tenant-id': 'other' }).post('/v1/runs', {}, key);
    expect([one.status, other.status]).toEqual([201, 201]);
    expect(other.body.run_id).not.toBe(one.body.run_id);
  });
});

it('a gateway killed between submit and outcome: the same key at another gets the truth', async () => {
  const [projector] = stack.projectors;
  const key = { 'idempotency-key': 'survives-its-gateway' };
  const ends = async () => (await stack.logEnds()).reduce((sum, { high }) => sum + high, 0);
  const before = await ends();
  projector!.signal('SIGSTOP');
  const lost = stack
    .http(0)
    .post('/v1/runs', { name: 'orphan' }, key)
    .catch((error: unknown) => error);
  await until('Kafka to have the event', async () => (await ends()) > before);
  await stack.gateways[0]!.kill();
  expect(String(await lost)).toContain('TypeError');
  const retried = stack.http(1).post('/v1/runs', { name: 'orphan' }, key);
  projector!.signal('SIGCONT');
  const answer = await retried;
  expect(answer).toMatchObject({ status: 201, body: { name: 'orphan', status: 'created', version: 1 } });
  const [first] = await stack.database.rows<{ run_id: string }>("SELECT run_id FROM proj_runs WHERE name = 'orphan'");
  expect(answer.body.run_id).toBe(first!.run_id);
  expect(answer.headers.get('idempotency-replayed')).toBe('true');
  expect(await stack.database.count('proj_runs', "name = 'orphan'")).toBe(1);

  await stack.gateways[0]!.start();
  await stack.gateways[0]!.ready();
  expect((await stack.http(0).post('/v1/runs', { name: 'orphan' }, key)).body.run_id).toBe(first!.run_id);
});

it('left sequences without gaps, and projections that the journal gives', async () => {
  expect(await sequenceFaults(stack.database)).toEqual([]);
  expect(await rebuildFaults(stack.database)).toEqual([]);
});
