import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient, type RunspineClient, Tracker } from '@runspine/client';
import { startStack, type Stack } from '../stack/stack.js';
import { until } from '../stack/until.js';

/** The published client against the real gateway, projector, Kafka and PostgreSQL. */
let stack: Stack;
let client: RunspineClient;
let folder: string;
const trackers: Tracker[] = [];

function tracker(options: object = {}): Tracker {
  const made = new Tracker({ client, spoolDir: join(folder, 'spool'), codeRef: 'v1', ...options });
  trackers.push(made);
  return made;
}

beforeAll(async () => {
  stack = await startStack({ gateways: 1 });
  client = createClient({ address: stack.gateways[0]!.address });
  folder = mkdtempSync(join(tmpdir(), 'runspine-client-'));
});

afterAll(async () => {
  await Promise.all(trackers.map((each) => each.close()));
  rmSync(folder, { recursive: true, force: true });
  await stack.close();
});

describe('the client', () => {
  it('takes a run and its steps through their lives, and reads them back', async () => {
    const { run_id: runId } = await client.runs.create({ name: 'bread', room_id: 'kitchen', tags: { oven: 'left' } });
    await client.runs.start(runId);
    const step = await client.steps.create(runId, { name: 'knead' });
    await client.steps.start(runId, step.step_id);
    expect(await client.steps.complete(runId, step.step_id, { output: { dough: 1 } })).toMatchObject({
      status: 'completed',
    });
    await client.runs.annotate(runId, { scores: [{ name: 'taste', value: 5 }] });
    const done = await client.runs.complete(runId, { output: 'two loaves' });

    expect(done).toMatchObject({ status: 'completed', version: 7, output: 'two loaves', tags: { oven: 'left' } });
    expect(await client.runs.list({ room: 'kitchen' }).first(5)).toHaveLength(1);
    expect((await client.runs.events(runId, { limit: 3 }).first(100)).map(({ run_sequence: at }) => at)).toEqual([
      1, 2, 3, 4, 5, 6, 7,
    ]);
    expect((await client.runs.state(runId, { at: 4 })).steps[0]).toMatchObject({ status: 'running' });
    expect(await client.steps.list(runId).first(9)).toHaveLength(1);
    await expect(client.runs.start(runId)).rejects.toMatchObject({
      code: 'run.invalid_transition',
      status: 409,
      details: { current: 'completed' },
    });
    await expect(client.runs.get(runId.replace(/.$/, 'x'))).rejects.toMatchObject({ status: 400 });
    const [rejection] = await client.rejections({ run_id: runId }).first(1);
    expect(rejection).toMatchObject({ reason: 'run.invalid_transition' });
    expect(await client.outcome(rejection!.event_id)).toMatchObject({ outcome: 'rejected' });
  });

  it('streams a run until its end, across gateways that come and go', async () => {
    const { run_id: runId } = await client.runs.create({});
    const types: string[] = [];
    const reading = (async () => {
      for await (const { event } of client.runs.stream(runId, { after: 0 })) types.push(event.type);
    })();
    await client.runs.start(runId);
    await until('the first events', () => types.length === 2);
    for (let part = 0; part < 5; part++) await client.runs.annotate(runId, { metadata: { part } });
    await client.runs.complete(runId);
    await reading;

    expect(types).toEqual([
      'run.created',
      'run.started',
      ...Array.from({ length: 5 }, () => 'run.annotated'),
      'run.completed',
    ]);
  });

  it('records stages, tasks and failures so that they are applied as they were', async () => {
    const tracking = tracker();
    const error = Object.assign(new Error('oven cold'), { code: 'E_OVEN' });
    let id = '';
    const call = tracking.trackRun({ name: 'bake', room: 'kitchen', kind: 'pipeline' }, async (run) => {
      id = run.id;
      await tracking.trackStage({ stage: 'mix', input: [1, 2, 3], config: { speed: 2 } }, () => [{ dough: 1 }]);
      await run.task({ name: 'knead', inputs: { minutes: 10 } }, () => 'soft');
      await run.task('bake', () => Promise.reject(error));
    });
    await expect(call).rejects.toBe(error);
    expect(await tracking.flush()).toBe(true);
    await stack.caughtUp();

    expect(await client.runs.get(id)).toMatchObject({
      status: 'failed',
      name: 'bake',
      room_id: 'kitchen',
      code_ref: 'v1',
      error: { code: 'E_OVEN', message: 'oven cold' },
    });
    expect((await client.steps.list(id).first(9)).map(({ name, status }) => [name, status])).toEqual([
      ['knead', 'completed'],
      ['bake', 'failed'],
    ]);
    const [child] = await client.runs.list({ parent: id }).first(9);
    expect(child).toMatchObject({
      stage: 'mix',
      status: 'completed',
      output: [{ dough: 1 }],
      metrics: { rows_in: 3, rows_out: 1 },
      correlation_id: id,
    });
    expect((await client.correlated(id).first(100)).length).toBe(13);
    expect(tracking.stats).toMatchObject({ rejected: 0, refused: 0, dropped: 0 });
  });

  it('gives the output of an earlier run instead of running, and records it as a checkpoint', async () => {
    const tracking = tracker();
    const options = { stage: 'embed', input: ['a', 'b'], config: { model: 'm' }, checkpoint: true };
    let ran = 0;
    const stage = () => tracking.trackStage(options, () => ({ vectors: ++ran }));
    expect(await stage()).toEqual({ vectors: 1 });
    await tracking.flush();
    await stack.caughtUp();

    expect(await stage()).toEqual({ vectors: 1 });
    await tracking.flush();
    await stack.caughtUp();
    expect(ran).toBe(1);
    const [hit, first] = await client.runs.list({ stage: 'embed' }).first(9);
    expect(hit).toMatchObject({
      status: 'completed',
      source: 'checkpoint',
      checkpoint_run_id: first!.run_id,
      input_fingerprint: first!.input_fingerprint,
    });
    expect(await tracking.trackStage({ ...options, config: { model: 'n' } }, () => 'other')).toBe('other');
  });

  it('keeps what is recorded while the gateway is down, and delivers it once, in order', async () => {
    const gateway = await stack.add('gateway');
    const { port } = new URL(gateway.address);
    const away = createClient({ address: gateway.address, retries: { attempts: 0 } });
    const tracking = tracker({ client: away, sendTimeoutMs: 1000, logger: { warn: () => undefined } });
    const ids: string[] = [];
    const pipeline = () =>
      tracking.trackRun({ name: 'bumpy' }, async (run) => {
        ids.push(run.id);
        for (let part = 0; part < 20; part++) await run.task(`part ${part}`, () => part);
        return ids.length;
      });
    expect(await pipeline()).toBe(1);
    await gateway.kill();
    expect(await pipeline()).toBe(2);
    expect(await tracking.flush()).toBe(false);
    Object.assign(stack.env, { RUNSPINE_PORT: port });
    await stack.add('gateway');
    Object.assign(stack.env, { RUNSPINE_PORT: '0' });
    expect(await pipeline()).toBe(3);
    await until('all to be sent', () => tracking.flush());
    await stack.caughtUp();

    for (const id of ids) {
      const events = await client.runs.events(id, { limit: 200 }).first(500);
      expect(events).toHaveLength(63);
      expect(events.at(-1)!.type).toBe('run.completed');
      expect(
        (await client.steps.list(id, { limit: 200 }).first(99)).every(({ status }) => status === 'completed'),
      ).toBe(true);
    }
    expect(tracking.stats).toMatchObject({ dropped: 0, refused: 0, rejected: 0 });
  });
});
