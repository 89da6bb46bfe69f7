import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Behaviour, fail, GatewayFixture, json } from '../gateway.fixture.js';
import { codeRefOf } from './code-ref.js';
import { importEvents, writeRunLog } from './import-events.js';
import { currentRun } from './run-context.js';
import { commandLine } from './run-fields.js';
import { RunLog } from './run-log.js';
import { defaultTracker, setDefaultTracker, trackRun, trackStage, trackTask } from './track.js';
import { Tracker, type TrackerOptions } from './tracker.js';

const CLEAN = '0123456789abcdef0123456789abcdef01234567';
let gateway: GatewayFixture;
let folder: string;
let warnings: string[];
const trackers: Tracker[] = [];

function tracker(options: TrackerOptions = {}): Tracker {
  const made = new Tracker({
    address: gateway.address,
    spoolDir: join(folder, 'spool'),
    batchMs: 5,
    sendTimeoutMs: 10_000,
    codeRef: CLEAN,
    logger: { warn: (message) => void warnings.push(message) },
    ...options,
  });
  trackers.push(made);
  return made;
}

async function until(what: () => boolean): Promise<void> {
  const endMs = Date.now() + 40_000;
  while (!what()) {
    if (Date.now() > endMs) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const spoolFiles = () =>
  existsSync(join(folder, 'spool'))
    ? readdirSync(join(folder, 'spool'), { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('.ndjson'),
      )
    : [];

beforeEach(async () => {
  gateway = await GatewayFixture.start();
  folder = mkdtempSync(join(tmpdir(), 'runspine-client-'));
  warnings = [];
});

afterEach(async () => {
  await gateway.die();
  await Promise.all(trackers.splice(0).map((each) => each.close(50)));
  rmSync(folder, { recursive: true, force: true });
});

describe('trackStage', () => {
  it('records running, then completed with output, rows, duration and what was measured', async () => {
    const tracking = tracker();
    const output = await tracking.trackStage(
      { stage: 'extract', kind: 'pipeline', input: [{ a: 1 }], config: { depth: 2 }, tags: { oven: 'left' } },
      (run) => {
        run.measure({ cost_usd: 0.25 });
        run.measure({ cost_usd: 0.25, custom: 'x' });
        return [1, 2, 3];
      },
    );
    expect(await tracking.flush()).toBe(true);

    expect(output).toEqual([1, 2, 3]);
    const [created, started, completed] = gateway.events;
    expect(gateway.events.map(({ type }) => type)).toEqual(['run.created', 'run.started', 'run.completed']);
    expect(created!.data).toMatchObject({
      name: 'extract',
      stage: 'extract',
      kind: 'pipeline',
      code_ref: CLEAN,
      config_hash: expect.stringMatching(/^sha256:/),
      input_fingerprint: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      input: [{ a: 1 }],
      metadata: { config: { depth: 2 } },
      tags: { oven: 'left' },
      command: expect.any(String),
    });
    expect(started!.data).not.toHaveProperty('task_count');
    expect(completed!.data).toMatchObject({
      output: [1, 2, 3],
      duration_ms: expect.any(Number),
      metrics: { rows_in: 1, rows_out: 3, cost_usd: 0.5, custom: 'x' },
    });
    expect(tracking.stats).toMatchObject({ sent: 3, waiting: 0, dropped: 0 });
  });

  it('records failed with the error, its code, stack and causes, and throws the same object', async () => {
    const tracking = tracker();
    const cause = new TypeError('no such column');
    const error = Object.assign(new Error('cannot load', { cause }), { code: 'E_LOAD' });
    const thrown = await tracking
      .trackStage({ stage: 'load' }, () => Promise.reject(error))
      .catch((one: unknown) => one);
    const text = await tracking
      .trackStage({ stage: 'load' }, () => {
        throw 'a text';
      })
      .catch((one: unknown) => one);
    await tracking.flush();

    expect(thrown).toBe(error);
    expect(text).toBe('a text');
    const failed = gateway.events.filter(({ type }) => type === 'run.failed');
    expect(failed[0]!.data.error).toMatchObject({
      code: 'E_LOAD',
      message: 'cannot load',
      detail: {
        name: 'Error',
        stack: expect.stringContaining('cannot load'),
        causes: [expect.objectContaining({ name: 'TypeError', message: 'no such column' })],
      },
    });
    expect(failed[1]!.data.error).toMatchObject({ message: 'a text' });
  });

  it('on a checkpoint hit gives its output, does not run the stage, and records it as such', async () => {
    const tracking = tracker();
    const options = { stage: 'embed', input: [1, 2], checkpoint: true, config: { a: 1 } };
    let fingerprint = '';
    gateway.handler = ({ path }, response) => {
      if (!path.startsWith('/v1/checkpoints/')) return false;
      fingerprint = decodeURIComponent(path.slice('/v1/checkpoints/'.length).split('?')[0]!);
      expect(path).toContain('stage=embed');
      return json(response, 200, {
        run_id: `run_${'a'.repeat(32)}`,
        status: 'completed',
        source: 'executed',
        input_fingerprint: fingerprint,
        output: { rows: [7] },
      });
    };
    let ran = 0;
    const output = await tracking.trackStage(options, () => ran++);
    await tracking.flush();

    expect({ output, ran }).toEqual({ output: { rows: [7] }, ran: 0 });
    expect(gateway.events.map(({ type }) => type)).toEqual(['run.created', 'run.started', 'run.completed']);
    expect(gateway.events[0]!.data.input_fingerprint).toBe(fingerprint);
    expect(gateway.events[2]!.data).toMatchObject({ source: 'checkpoint', checkpoint_run_id: `run_${'a'.repeat(32)}` });
  });

  it.each([
    ['there is none', { code: 404 }],
    ['the gateway is at fault', { code: 500 }],
    ['it has no output', { body: { output: null } }],
    ['it was a checkpoint itself', { body: { source: 'checkpoint' } }],
    ['it is of something else', { body: { input_fingerprint: 'sha256:0' } }],
  ])('runs the stage when %s', async (_, { code, body }: { code?: number; body?: object }) => {
    const tracking = tracker();
    gateway.handler = ({ path }, response) => {
      if (!path.startsWith('/v1/checkpoints/')) return false;
      if (code) return fail(response, code, code === 404 ? 'checkpoint.not_found' : 'service.internal');
      const input_fingerprint = decodeURIComponent(path.slice(16).split('?')[0]!);
      return json(response, 200, {
        run_id: 'r',
        status: 'completed',
        source: 'executed',
        input_fingerprint,
        output: 1,
        ...body,
      });
    };

    expect(await tracking.trackStage({ stage: 's', input: 1, checkpoint: true }, () => 'ran')).toBe('ran');
    expect(warnings).toHaveLength(code === 500 ? 1 : 0);
  });

  it.each([
    ['neither input nor key', {}, CLEAN, 'no checkpoint is looked for: the stage names neither input nor key'],
    ['a tree with changes', { input: 1 }, `${CLEAN}-dirty`, 'no checkpoint is looked for: the tree has changes'],
    ['no version of the code', { input: 1 }, 'unknown', 'no checkpoint is looked for: there is no commit'],
    ['an input without a hash', { input: () => 1 }, CLEAN, 'a fingerprint could not be made'],
  ])('looks for no checkpoint with %s, and says so once', async (_, options, codeRef, said) => {
    const tracking = tracker({ codeRef });

    for (let time = 0; time < 2; time++) {
      expect(await tracking.trackStage({ stage: 's', checkpoint: true, ...options }, () => 'ran')).toBe('ran');
    }
    expect(gateway.requests.filter(({ path }) => path.includes('checkpoints'))).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining(said)]);
  });

  it('finds a checkpoint by a key of the caller, whatever the input is', async () => {
    const tracking = tracker();
    gateway.handler = ({ path }, response) => {
      if (!path.startsWith('/v1/checkpoints/')) return false;
      const input_fingerprint = decodeURIComponent(path.slice(16).split('?')[0]!);
      return json(response, 200, { run_id: 'r', status: 'completed', source: null, input_fingerprint, output: 5 });
    };

    expect(await tracking.trackStage({ stage: 's', checkpoint: true, key: 'day-1', input: () => 1 }, () => 'ran')).toBe(
      5,
    );
  });

  it('waits for a checkpoint 250 ms at most', async () => {
    const tracking = tracker();
    gateway.behaviour = 'hangs';
    const beganMs = performance.now();
    const output = await tracking.trackStage({ stage: 's', input: 1, checkpoint: true }, () => 'ran');
    const tookMs = performance.now() - beganMs;
    gateway.behaviour = 'well';

    expect(output).toBe('ran');
    expect(tookMs).toBeLessThan(2000);
    expect(warnings).toContain('checkpoints cannot be looked up; stages run');
  });

  it('says that a fingerprint is unknown, with a time, where there is none', async () => {
    const tracking = tracker();
    await tracking.trackStage({ stage: 's', input: Promise.resolve(1) }, () => 1);
    await tracking.flush();

    expect(gateway.events[0]!.data.input_fingerprint).toMatch(/^unknown:\d{4}-/);
    expect(warnings).toEqual(['a fingerprint could not be made']);
  });

  it('hands the run on to what is called, so that stages inside become children', async () => {
    const tracking = tracker();
    setDefaultTracker(tracking);
    const ids: string[] = [];
    await trackRun({ name: 'pipeline', room: 'kitchen' }, async (outer) => {
      ids.push(outer.id);
      await Promise.all(
        ['a', 'b'].map((stage) =>
          trackStage({ stage }, async (inner) => {
            await new Promise((resolve) => setTimeout(resolve, 5));
            expect(currentRun()).toBe(inner);
            ids.push(inner.id);
          }),
        ),
      );
      await trackTask('tidy', () => expect(currentRun()).toBe(outer));
    });
    setDefaultTracker(undefined);
    await tracking.flush();

    expect(currentRun()).toBeUndefined();
    const created = gateway.events.filter(({ type }) => type === 'run.created').map(({ data }) => data);
    expect(created.filter(({ parent_run_id: parent }) => parent === ids[0])).toHaveLength(2);
    expect(new Set(created.map(({ room_id: room }) => room))).toEqual(new Set(['kitchen']));
    expect(new Set(ids.map((id) => id.slice(16, 24))).size).toBe(1);
    const correlations = gateway.requests.map(({ headers }) => headers['x-correlation-id']).filter(Boolean);
    expect(new Set(correlations)).toEqual(new Set([ids[0]]));
  });

  it('records tasks with what they receive, give and throw, and their parents', async () => {
    const tracking = tracker();
    const error = new Error('bad');
    await tracking.trackRun({ name: 'r', taskCount: 3 }, async (run) => {
      await run.task({ name: 'outer', inputs: { x: 1 }, kind: 'tool' }, () => run.task('inner', () => 2));
      await run.task('inner', () => 3);
      await expect(run.task('broken', () => Promise.reject(error))).rejects.toBe(error);
      run.annotate({ tags: { a: 'b' }, scores: [{ name: 'q', value: 1 }], metadata: { m: 1 } });
      run.heartbeat();
    });
    await tracking.flush();

    const steps = gateway.events.filter(({ type }) => type === 'step.created').map(({ data }) => data);
    expect(steps.map(({ name }) => name)).toEqual(['outer', 'inner', 'inner', 'broken']);
    expect(steps[1]!.parent_step_id).toBe(steps[0]!.step_id);
    expect(gateway.events.find(({ type }) => type === 'step.inputs_resolved')!.data.inputs).toEqual({ x: 1 });
    expect(gateway.events.find(({ type }) => type === 'step.failed')!.data.error).toMatchObject({ message: 'bad' });
    expect(gateway.events.find(({ type }) => type === 'run.started')!.data.task_count).toBe(3);
    expect(gateway.events.find(({ type }) => type === 'run.annotated')!.data).toMatchObject({ tags: { a: 'b' } });
    expect(gateway.events.at(-1)!.type).toBe('run.completed');
  });

  it('tells a task which step it is, once the gateway has it, so that a query can name it', async () => {
    const tracking = tracker({ batchMs: 60_000 });
    const seen: string[] = [];
    await tracking.trackRun({ name: 'r' }, async (run) => {
      for (let attempt = 0; attempt < 2; attempt++) {
        await run.task({ name: 'research', id: 'research' }, async (task) => {
          const step = await task.step();
          expect(step).toEqual({ run_id: run.id, step_id: task.stepId });
          expect(gateway.events.filter(({ type }) => type === 'step.started')).toHaveLength(attempt + 1);
          seen.push(task.stepId);
        });
      }
    });
    const created = gateway.events.filter(({ type }) => type === 'step.created').map(({ data }) => data.step_id);
    expect([created, seen]).toEqual([[seen[0]], [seen[0], seen[0]]]);

    const off = tracker({ enabled: false });
    await off.trackRun({}, (run) => run.task('t', async (task) => expect(await task.step()).toEqual({})));
    await gateway.die();
    await tracking.trackRun({}, (run) => run.task('t', async (task) => expect(await task.step()).toEqual({})));
  });

  it('keeps what no event holds out of the output, so that no checkpoint stands on it', async () => {
    const tracking = tracker();
    await tracking.trackStage({ stage: 's' }, () => ({ at: new Date(0) }));
    await tracking.trackStage({ stage: 's' }, () => Array.from({ length: 50_000 }, (_, row) => ({ row })));
    await tracking.trackStage({ stage: 's' }, () => 'x'.repeat(100_000));
    await tracking.trackStage({ stage: 's', recordOutput: false, recordInput: false, input: 'secret' }, () => 'secret');
    await tracking.trackStage({ stage: 's', input: { list: 'y'.repeat(20_000) } }, () => undefined);
    await tracking.flush();

    const completed = gateway.events.filter(({ type }) => type === 'run.completed').map(({ data }) => data);
    expect(completed.map((data) => 'output' in data)).toEqual([false, false, false, false, false]);
    expect(completed[0]!.output_preview).toEqual({ at: '1970-01-01T00:00:00.000Z' });
    expect(completed[1]!.output_preview).toEqual({ summarised: true, rows: 50_000, first: { row: 0 } });
    expect(JSON.stringify(gateway.events)).not.toContain('secret');
    expect(gateway.events.filter(({ type }) => type === 'run.created').at(-1)!.data.input).toEqual({
      summarised: true,
      keys: ['list'],
    });
  });

  it('bears values that throw when they are looked at', async () => {
    const tracking = tracker();
    const trap = {
      get bad(): never {
        throw new Error('no');
      },
    };

    expect(await tracking.trackStage({ stage: 's', input: trap, config: trap }, () => trap)).toBe(trap);
    expect(await tracking.flush()).toBe(true);
    expect(gateway.events.at(-1)!.type).toBe('run.completed');
  });

  it('shows nothing of objects of classes, which may hold anything', async () => {
    class Connection {
      password = 'hunter2';
    }
    const tracking = tracker();
    await tracking.trackStage({ stage: 's', input: { db: new Connection() } }, (run) =>
      run.task({ name: 't', inputs: [new Connection()] }, () => new Connection()),
    );
    await tracking.flush();

    expect(JSON.stringify(gateway.requests.map(({ body }) => body))).not.toContain('hunter2');
    expect(gateway.events.find(({ type }) => type === 'step.inputs_resolved')!.data.inputs).toEqual({
      summarised: true,
      rows: 1,
    });
  });

  it('masks what looks like a secret in the command line', () => {
    const words = ['node', 'job.js', '--api-key=abc', '--token', 'abc', '--depth', '3', '--auth', '--quiet', "it's"];
    expect(commandLine(words)).toBe(
      "node job.js --api-key=*** --token '***' --depth 3 --auth --quiet 'it'\\''s'".replace("'***'", '***'),
    );
  });

  it('gives signs of life while a run is open, and none after', async () => {
    const tracking = tracker({ heartbeatMs: 20 });
    const beating = () => gateway.events.filter(({ type }) => type === 'run.heartbeat').length > 2;
    await tracking.trackRun({}, () => until(beating));
    await tracking.flush();
    const beats = gateway.events.filter(({ type }) => type === 'run.heartbeat').length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    await tracking.flush();

    expect(gateway.events.filter(({ type }) => type === 'run.heartbeat').length).toBe(beats);
  });

  it('takes up the trace that is active', async () => {
    const { context, trace, TraceFlags } = await import('@opentelemetry/api');
    const { AsyncLocalStorage } = await import('node:async_hooks');
    const { ROOT_CONTEXT } = await import('@opentelemetry/api');
    const storage = new AsyncLocalStorage<typeof ROOT_CONTEXT>();
    context.setGlobalContextManager({
      active: () => storage.getStore() ?? ROOT_CONTEXT,
      with: (active, work, self, ...args) => storage.run(active, () => work.call(self as never, ...args)),
      bind: (_, target) => target,
      enable() {
        return this;
      },
      disable() {
        return this;
      },
    });
    const span = trace.wrapSpanContext({
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      traceFlags: TraceFlags.SAMPLED,
    });
    const tracking = tracker();
    await context.with(trace.setSpan(ROOT_CONTEXT, span), () => tracking.trackRun({}, () => 1));
    await tracking.flush();
    context.disable();

    expect(gateway.events[0]!.data.trace_id).toBe('a'.repeat(32));
    expect(gateway.requests[0]!.headers.traceparent).toBe(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`);
  });

  it('records nothing where it is switched off, and runs the stage all the same', async () => {
    const tracking = tracker({ enabled: false });

    expect(await tracking.trackStage({ stage: 's', checkpoint: true, input: 1 }, (run) => run.task('t', () => 4))).toBe(
      4,
    );
    expect([await tracking.flush(), await tracking.close(), tracking.stats.sent]).toEqual([true, true, 0]);
    expect(gateway.requests).toEqual([]);
  });

  it('makes a tracker of its own from the environment, and bears one that says nonsense', async () => {
    setDefaultTracker(undefined);
    const before = process.env.RUNSPINE_ADDRESS;
    process.env.RUNSPINE_ADDRESS = 'nonsense';
    const said: unknown[] = [];
    const { warn } = console;
    console.warn = (line: unknown) => void said.push(line);
    try {
      expect(await trackRun({}, () => 1)).toBe(1);
      expect(defaultTracker()).toBe(defaultTracker());
    } finally {
      console.warn = warn;
      if (before === undefined) delete process.env.RUNSPINE_ADDRESS;
      else process.env.RUNSPINE_ADDRESS = before;
      setDefaultTracker(undefined);
    }
    expect(said).toHaveLength(1);
  });

  it.each(['up', 'down'])('costs at most a millisecond of its caller at p99, the gateway being %s', async (state) => {
    const tracking = tracker();
    if (state === 'down') await gateway.die();
    const rounds: number[] = [];
    // The best of some rounds: others want the processor as well.
    for (let round = 0; round < 8; round++) {
      const took: number[] = [];
      for (let call = 0; call < 200; call++) {
        const beganMs = performance.now();
        await tracking.trackStage({ stage: 'empty' }, () => undefined);
        took.push(performance.now() - beganMs);
        if (call % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      rounds.push(took.toSorted((a, b) => a - b)[197]!);
    }

    expect(Math.min(...rounds)).toBeLessThan(1);
  });
});

describe('a gateway that is not as it should be', () => {
  const pipeline = (tracking: Tracker, name: string) =>
    tracking.trackRun({ name }, async (run) => {
      let sum = 0;
      for (let part = 0; part < 5; part++) sum += await run.task(`part ${part}`, () => part);
      await tracking.trackStage({ stage: 'inner' }, () => sum);
      return sum;
    });

  /** All that one such pipeline leaves, each event once and in order. */
  const complete = (name: string) => {
    const [outer] = gateway.events.filter(({ type, data }) => type === 'run.created' && data.name === name);
    const id = String(outer!.data.run_id);
    const [inner] = gateway.events.filter(({ type, data }) => type === 'run.created' && data.parent_run_id === id);
    expect(gateway.typesOf(id)).toEqual([
      'run.created',
      'run.started',
      ...Array.from({ length: 5 }, () => ['step.created', 'step.started', 'step.completed']).flat(),
      'run.completed',
    ]);
    expect(gateway.typesOf(String(inner!.data.run_id))).toEqual(['run.created', 'run.started', 'run.completed']);
    const ids = gateway.events.map((event) => event.id);
    expect(new Set(ids).size).toBe(ids.length);
  };

  it.each<Behaviour>(['hangs', 'nonsense', 'html', 'unavailable', 'cuts', 'denies'])(
    'that %s changes no result, and loses and doubles nothing',
    async (behaviour) => {
      gateway.behaviour = behaviour;
      const tracking = tracker({ sendTimeoutMs: 100 });

      expect(await pipeline(tracking, 'first')).toBe(10);
      expect(await tracking.flush()).toBe(false);
      expect(spoolFiles()).toHaveLength(1);
      expect(await pipeline(tracking, 'second')).toBe(10);
      gateway.behaviour = 'well';
      await until(() => gateway.events.length > 0 || (void tracking.flush(), false));
      await until(() => tracking.stats.sent >= 40 || (void tracking.flush(), false));
      expect(await tracking.close()).toBe(true);

      complete('first');
      complete('second');
      expect(gateway.events).toHaveLength(42);
      expect(warnings).toEqual(['the gateway does not take events; events wait on disk until it answers']);
      expect(spoolFiles()).toEqual([]);
    },
  );

  it('dead from the start: all is on disk, and the next process sends it', async () => {
    await gateway.die();
    const first = tracker();
    expect(await pipeline(first, 'early')).toBe(10);
    expect(await first.close(500)).toBe(false);
    expect(gateway.events).toEqual([]);
    const [file] = spoolFiles();
    const lines = readFileSync(join(folder, 'spool', file!), 'utf8')
      .trim()
      .split('\n');
    expect(lines).toHaveLength(21);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      type: 'run.created',
      data: { name: 'early' },
      correlation_id: expect.any(String),
    });
    // As another process would have left it, which is gone; its last line was cut off.
    const path = join(folder, 'spool', file!);
    writeFileSync(path.replace(/-\d+-/, '-999999999-'), `${readFileSync(path, 'utf8')}{"id":"cut`);
    rmSync(path);

    await gateway.listen();
    const second = tracker();
    await until(() => gateway.events.length === 21);
    complete('early');
    await until(() => spoolFiles().length === 0);
    await second.close();
    expect(warnings).toContain('lines of a spool file were no events');
  });

  it('dying in the middle, again and again: all arrives once, in order', async () => {
    const tracking = tracker();
    const names = Array.from({ length: 12 }, (_, index) => `run ${index}`);
    for (const [index, name] of names.entries()) {
      if (index % 4 === 1) await gateway.die();
      if (index % 4 === 3) await gateway.listen();
      expect(await pipeline(tracking, name)).toBe(10);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await until(
      () => (tracking.stats.waiting === 0 && gateway.events.length === 12 * 21) || (void tracking.flush(), false),
    );
    await tracking.close();

    names.forEach(complete);
  });

  it('slow, answering after it took the events: the same again is taken once', async () => {
    const tracking = tracker({ sendTimeoutMs: 80 });
    gateway.delayMs = 150;
    expect(await pipeline(tracking, 'slow')).toBe(10);
    expect(await tracking.flush()).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 200));
    gateway.delayMs = 0;
    await until(() => (tracking.stats.waiting === 0 && tracking.stats.sent >= 21) || (void tracking.flush(), false));

    complete('slow');
    expect(gateway.repeats).toBeGreaterThan(0);
  });

  it('without PostgreSQL: it is asked not to wait', async () => {
    gateway.behaviour = 'store-away';
    const tracking = tracker();
    expect(await pipeline(tracking, 'async')).toBe(10);
    expect(await tracking.flush()).toBe(true);

    complete('async');
    expect(warnings).toEqual([]);
  });

  it('refusing an event for what it is: the others are taken, and it is set aside', async () => {
    const tracking = tracker();
    gateway.handler = ({ path, body }, response) => {
      if (!path.endsWith('/events')) return false;
      const at = (JSON.parse(body) as { events: { type: string; data: { name?: string } }[] }).events.findIndex(
        ({ data }) => data.name === 'part 2',
      );
      return (
        at >= 0 &&
        fail(response, 400, 'request.invalid', {}, { faults: [{ path: `/events/${at}/data/name`, message: 'no' }] })
      );
    };
    expect(await pipeline(tracking, 'poisoned')).toBe(10);
    expect(await tracking.flush()).toBe(true);

    expect(tracking.stats).toMatchObject({ refused: 1, dropped: 0 });
    expect(gateway.events).toHaveLength(20);
    const [file] = spoolFiles();
    expect(file).toContain('refused.ndjson');
    expect(warnings).toEqual(['events were refused and set aside']);
  });

  it('refusing without saying which: halves are tried', async () => {
    const tracking = tracker();
    gateway.handler = ({ path, body }, response) =>
      path.endsWith('/events') && body.includes('part 3') && fail(response, 413, 'request.too_large');
    await pipeline(tracking, 'large');
    expect(await tracking.flush()).toBe(true);

    expect(tracking.stats.refused).toBe(1);
    expect(gateway.events).toHaveLength(20);
  });

  it('knowing nothing of a run: it is looked for, then set aside', async () => {
    const tracking = tracker();
    let looks = 0;
    gateway.handler = ({ path }, response) =>
      path.endsWith('/events') && looks++ < 3 && fail(response, 404, 'run.not_found');
    await tracking.trackRun({}, () => 1);
    expect(await tracking.flush()).toBe(true);

    expect(gateway.events).toHaveLength(3);
  });

  it('refusing by the state machine: counted, and said once', async () => {
    const tracking = tracker();
    gateway.handler = ({ path, body }, response) =>
      path.endsWith('/events') &&
      json(response, 200, {
        results: (JSON.parse(body) as { events: { id: string }[] }).events.map(({ id }) => ({
          event_id: id,
          outcome: 'rejected',
          reason: 'run.exists',
        })),
      });
    await tracking.trackRun({}, () => 1);
    await tracking.flush();

    expect(tracking.stats).toMatchObject({ rejected: 3, sent: 3 });
    expect(warnings).toEqual(['an event was refused by the state machine']);
  });

  it('away for longer than the disk has room: what is dropped is counted and said once, and runs have their ends', async () => {
    await gateway.die();
    const tracking = tracker({ spoolBytesMax: 4000 });
    await tracking.trackRun({ name: 'big' }, async (run) => {
      for (let part = 0; part < 50; part++) await run.task(`part ${part}`, () => part);
    });
    await tracking.flush();
    const { dropped, spooled } = tracking.stats;
    expect(dropped).toBeGreaterThan(50);
    expect(spooled + dropped).toBe(153);
    await gateway.listen();
    await until(() => gateway.events.length === spooled || (void tracking.flush(), false));

    expect(gateway.events.at(-1)!.type).toBe('run.completed');
    expect(warnings).toContain('events are lost: there is no room for them');
  });

  it('away, with no disk to write to: events wait in memory, bounded', async () => {
    await gateway.die();
    writeFileSync(join(folder, 'file'), '');
    const broken = tracker({ spoolDir: join(folder, 'file', 'spool') });
    const memory = tracker({ spoolDir: false, memoryBytesMax: 3000 });
    for (const tracking of [broken, memory]) {
      expect(await pipeline(tracking, 'kept')).toBe(10);
      expect(await tracking.flush()).toBe(false);
    }
    expect(warnings).toContain('events cannot be written to disk, and wait in memory');
    expect(memory.stats.dropped).toBeGreaterThan(0);
    expect(broken.stats.dropped).toBe(0);
    await gateway.listen();
    await until(() => broken.stats.sent === 21 || (void broken.flush(), false));
    expect(await memory.flush()).toBe(true);
  });

  it('leaves all that a process recorded on disk when it exits at once', async () => {
    const built = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
    if (!existsSync(built)) return;
    const code = `import { Tracker } from ${JSON.stringify(built)};
      const tracker = new Tracker({ address: ${JSON.stringify(gateway.address)}, spoolDir: ${JSON.stringify(join(folder, 'spool'))}, batchMs: 1000 });
      await tracker.trackRun({ name: 'short' }, () => 1);
      process.exit(0);`;
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
    expect(gateway.events).toEqual([]);
    expect(spoolFiles()).toHaveLength(1);
    const next = tracker();
    await until(() => gateway.events.length === 3);
    await next.close();
  });

  it('sends what was recorded before a process ends by itself', async () => {
    const built = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
    if (!existsSync(built)) return;
    const code = `import { Tracker } from ${JSON.stringify(built)};
      const tracker = new Tracker({ address: ${JSON.stringify(gateway.address)}, spoolDir: ${JSON.stringify(join(folder, 'spool'))} });
      await tracker.trackRun({ name: 'short' }, () => 1);`;
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);

    expect(gateway.events).toHaveLength(3);
  });
});

describe('a log on its own', () => {
  it('is written as a file that can be imported, again and again', async () => {
    const log = new RunLog();
    log.emit('workflow_started', {});
    log.emit('task_completed', { task_id: 'a', output: 1 });
    log.emit('provider_called', { provider: 'p', model: 'm', prompt_len: 3 });
    log.emit('provider_responded', { provider: 'p', model: 'm', output_len: 3, tokens_used: 4 });
    log.emit('schema_validated', { task_id: 'a', schema_path: 's', valid: true });
    log.emit('template_resolved', { task_id: 'a', template: 't', result: 'r' });
    log.emit('workflow_completed', {});
    log.emit('workflow_failed', { error: { message: 'too late' } });
    const file = join(folder, 'run.ndjson');
    const runId = await writeRunLog(log, file, { name: 'imported', metadata: { a: 1 } });
    writeFileSync(file, `${readFileSync(file, 'utf8')}\nnonsense\n{"a":1}\n`);
    const { client } = tracker();
    const first = await importEvents(client, file);
    const second = await importEvents(client, file);

    expect(first).toEqual({ runs: [runId], sent: 11, rejected: [], refused: [], damaged: 2 });
    expect(second).toEqual(first);
    expect(gateway.typesOf(runId)).toEqual([
      'run.created',
      'run.started',
      'step.created',
      'step.started',
      'step.completed',
      'step.created',
      'step.provider_called',
      'step.provider_responded',
      'step.schema_validated',
      'step.template_resolved',
      'run.completed',
    ]);
    expect(await log.close()).toBe(true);
  });

  it('fails to be imported while the gateway is away', async () => {
    const file = join(folder, 'run.ndjson');
    const log = new RunLog();
    log.emit('workflow_started', {});
    await writeRunLog(log, file);
    await gateway.die();

    await expect(importEvents(tracker().client, file)).rejects.toMatchObject({ code: 'client.unreachable' });
  });

  it('flushes and closes by the run that it is of', async () => {
    const tracking = tracker();
    const run = tracking.startRun({ name: 'by hand' });
    run.log.emit('task_started', { task_id: 'a' });
    expect(await run.log.flush()).toBe(true);
    expect(gateway.events).toHaveLength(4);
    run.complete(1);
    run.fail(new Error('too late'));
    run.complete(2);
    expect(await run.log.close()).toBe(true);
    run.log.emit('task_started', { task_id: 'b' });
    await tracking.flush();

    expect(gateway.events).toHaveLength(5);
  });
});

describe('the version of the code', () => {
  const git = (...args: string[]) =>
    promisify(execFile)('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: folder });

  it('is unknown without git', async () => {
    expect(await codeRefOf(folder)).toEqual({ ref: 'unknown', clean: false });
    const tracking = tracker({ codeRef: undefined, cwd: folder } as TrackerOptions);
    await tracking.trackStage({ stage: 's' }, () => 1);
    await tracking.flush();
    expect(gateway.events[0]!.data).toMatchObject({
      code_ref: 'unknown',
      input_fingerprint: expect.stringMatching(/^sha256:/),
    });
  });

  it('is the commit, marked where the tree has changes', async () => {
    await git('init', '-q');
    writeFileSync(join(folder, 'a'), '1');
    await git('add', 'a');
    await git('commit', '-qm', 'a');
    const clean = await codeRefOf(folder);
    expect(clean).toEqual({ ref: expect.stringMatching(/^[0-9a-f]{40}$/), clean: true });
    expect(await codeRefOf(`${folder}/`)).toEqual(clean);
    writeFileSync(join(folder, 'a'), '2');
    expect(await codeRefOf(`${folder}/.`)).toEqual({ ref: `${clean.ref}-dirty`, clean: false });
  });
});
