import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EventStream } from '../stack/event-stream.js';
import type { Answer, HttpClient } from '../stack/http-client.js';
import { rebuildFaults } from '../stack/journal.js';
import { startStack, type Stack } from '../stack/stack.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

interface RecordedEvent {
  event_id: string;
  type: string;
  run_id: string;
  step_id: string | null;
  run_sequence: number;
  room_sequence: number;
  correlation_id: string;
  causation_id: string | null;
  data: object;
}

let stack: Stack;
let http: HttpClient;

beforeAll(async () => {
  stack = await startStack({ gateways: 1 });
  http = stack.http();
});
afterAll(() => stack.close());

describe('a run over HTTP, watched from its room', () => {
  let stream: EventStream;
  let runId: string;
  let first: string;
  let second: string;
  const answers: Answer[] = [];
  /** Status of run and steps in the projections, after each change. */
  const seen: string[] = [];

  /** The change must be in the projections when its answer is here. */
  async function change(path: string, body: object = {}): Promise<Answer> {
    const answer = await http.post(path, body, { 'x-correlation-id': 'order-7' });
    answers.push(answer);
    const run = await stack.database.row('SELECT status, version FROM proj_runs WHERE run_id = $1', [
      answer.body.run_id,
    ]);
    const steps = await stack.database.rows(
      'SELECT status, attempt FROM proj_steps WHERE run_id = $1 ORDER BY created_sequence',
      [answer.body.run_id],
    );
    const states = steps.map(({ status, attempt }) => `${String(status)}/${String(attempt)}`);
    seen.push([`${String(run.version)} ${String(run.status)}`, ...states].join(' '));
    return answer;
  }

  beforeAll(async () => {
    stream = await http.stream('/v1/streams/rooms/kitchen');
    runId = (await change('/v1/runs', { room_id: 'kitchen', name: 'breakfast' })).body.run_id;
    await change(`/v1/runs/${runId}/start`, { task_count: 2 });
    first = (await change(`/v1/runs/${runId}/steps`, { name: 'boil' })).body.step_id;
    await change(`/v1/runs/${runId}/steps/${first}/start`);
    second = (await change(`/v1/runs/${runId}/steps`, { name: 'fry', depends_on: [first] })).body.step_id;
    await change(`/v1/runs/${runId}/steps/${first}/complete`, { output: { soft: true }, metrics: { rows_out: 2 } });
    await change(`/v1/runs/${runId}/steps/${second}/start`);
    await change(`/v1/runs/${runId}/steps/${second}/fail`, { error: { code: 'burnt', message: 'too hot' } });
    await change(`/v1/runs/${runId}/steps/${second}/start`, { attempt: 2 });
    await change(`/v1/runs/${runId}/annotate`, { tags: { meal: 'breakfast' } });
    await change(`/v1/runs/${runId}/complete`, { output: 'served' });
  });
  afterAll(() => stream.close());

  it('is answered 201 and 200, with the version as ETag', () => {
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 201, 200, 201, 200, 200, 200, 200, 200, 200]);
    expect(answers.map(({ headers }) => headers.get('etag'))).toEqual(answers.map((_, index) => `"${index + 1}"`));
  });

  it('shows each change in proj_runs and proj_steps', () => {
    expect(seen).toEqual([
      '1 created',
      '2 running',
      '3 running pending/1',
      '4 running running/1',
      '5 running running/1 pending/1',
      '6 running completed/1 pending/1',
      '7 running completed/1 running/1',
      '8 running completed/1 failed/1',
      '9 running completed/1 running/2',
      '10 running completed/1 running/2',
      '11 completed completed/1 unreported/2',
    ]);
  });

  it("appears in the room's stream in order, run and step events alike", async () => {
    await stream.count(11);
    expect(stream.received.map(({ id, event }) => `${id} ${event}`)).toEqual([
      '1 run.created',
      '2 run.started',
      '3 step.created',
      '4 step.started',
      '5 step.created',
      '6 step.completed',
      '7 step.started',
      '8 step.failed',
      '9 step.started',
      '10 run.annotated',
      '11 run.completed',
    ]);
    const steps = (stream.events as unknown as RecordedEvent[]).map(({ step_id }) => step_id);
    expect(steps).toEqual([null, null, first, first, second, first, second, second, second, null, null]);
  });

  it('has stable run and step ids, which are never event ids', async () => {
    const events = await stream.count(11).then(() => stream.events as unknown as RecordedEvent[]);
    expect(runId).toMatch(/^run_[0-9a-f]{32}$/);
    for (const step of [first, second]) expect(step).toMatch(/^step_[0-9a-f]{32}$/);
    expect(new Set(events.map(({ run_id }) => run_id))).toEqual(new Set([runId]));
    const ids = events.map(({ event_id }) => event_id);
    for (const id of ids) expect(id).toMatch(UUID);
    expect(new Set(ids).size).toBe(11);
  });

  it('has one correlation id, on every event', () => {
    const events = stream.events as unknown as RecordedEvent[];
    expect(events.map(({ correlation_id }) => correlation_id)).toEqual(events.map(() => 'order-7'));
  });

  it("chains causes: a run's event to the run's event before, a step's to the step's, a step's first to the run's latest", () => {
    const events = stream.events as unknown as RecordedEvent[];
    const causes = events.map(({ causation_id }) => events.findIndex(({ event_id }) => event_id === causation_id) + 1);
    //                      created started step1 start step2 done start fail start annotated completed
    expect(causes).toEqual([0, 1, 2, 3, 2, 4, 5, 7, 8, 2, 10]);
    expect(events[0]!.causation_id).toBeNull();
    expect(events[1]!.causation_id).toBe(events[0]!.event_id);
  });

  it('reads the same from journal, correlation, single event and stream', async () => {
    const journal = await http.get(`/v1/runs/${runId}/events`);
    expect(journal.body.items).toEqual(stream.events);
    const correlated = await http.get('/v1/events?correlation_id=order-7');
    expect(correlated.body.items).toEqual(stream.events);
    const [, started] = stream.events as unknown as RecordedEvent[];
    const outcome = await http.get(`/v1/events/${started!.event_id}`);
    expect(outcome).toMatchObject({ status: 200, body: { outcome: 'applied', run_sequence: 2, room_sequence: 2 } });
    expect(outcome.body.event).toEqual(started);
  });

  it('reads over HTTP what the last answer said', async () => {
    const run = (await http.get(`/v1/runs/${runId}`)).body;
    expect(run).toEqual(answers.at(-1)!.body);
    expect(run).toMatchObject({ status: 'completed', output: 'served', tags: { meal: 'breakfast' }, task_count: 2 });
    const steps = (await http.get(`/v1/runs/${runId}/steps`)).body.items;
    expect(steps).toMatchObject([
      { step_id: first, status: 'completed', output: { soft: true } },
      { step_id: second, status: 'unreported', attempt: 2, depends_on: [first] },
    ]);
  });
});

describe('what the state machine refuses', () => {
  const runs = {} as Record<'created' | 'running' | 'completed' | 'failed' | 'cancelled', string>;
  let step: string;

  beforeAll(async () => {
    for (const status of ['created', 'running', 'completed', 'failed', 'cancelled'] as const) {
      runs[status] = (await http.post('/v1/runs', {})).body.run_id;
      if (status === 'created') continue;
      await http.post(`/v1/runs/${runs[status]}/start`);
    }
    await http.post(`/v1/runs/${runs.completed}/complete`);
    await http.post(`/v1/runs/${runs.failed}/fail`, { error: { message: 'broke' } });
    await http.post(`/v1/runs/${runs.cancelled}/cancel`, { reason: 'enough' });
    step = (await http.post(`/v1/runs/${runs.running}/steps`, { name: 'a' })).body.step_id;
  });

  it.each([
    ['created', 'complete', {}],
    ['running', 'start', {}],
    ['completed', 'start', {}],
    ['completed', 'complete', {}],
    ['completed', 'fail', { error: { message: 'late' } }],
    ['completed', 'cancel', {}],
    ['completed', 'heartbeat', {}],
    ['completed', 'steps', { name: 'late' }],
    ['failed', 'start', {}],
    ['failed', 'complete', {}],
    ['cancelled', 'complete', {}],
    ['cancelled', 'fail', { error: { message: 'late' } }],
  ] as const)('a %s run refuses %s: 409 with its state', async (status, action, body) => {
    const answer = await http.post(`/v1/runs/${runs[status]}/${action}`, body);
    expect(answer).toMatchObject({
      status: 409,
      body: { error: { code: 'run.invalid_transition', retryable: false, details: { current: status } } },
    });
  });

  it('a pending step refuses to complete: 409 with its state', async () => {
    const answer = await http.post(`/v1/runs/${runs.running}/steps/${step}/complete`);
    expect(answer).toMatchObject({
      status: 409,
      body: { error: { code: 'step.invalid_transition', details: { current: 'pending' } } },
    });
  });

  it('a run takes no more names than it keeps: 409, and what it has stays', async () => {
    const runId: string = (await http.post('/v1/runs')).body.run_id;
    const tags = (round: number) =>
      Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`tag-${round}-${index}`, 'x']));
    for (let round = 0; round < 20; round += 1) {
      expect(await http.post(`/v1/runs/${runId}/annotate`, { tags: tags(round) })).toMatchObject({ status: 200 });
    }
    expect(await http.post(`/v1/runs/${runId}/annotate`, { tags: { more: 'x' } })).toMatchObject({
      status: 409,
      body: { error: { code: 'run.annotations_full', details: { current: 'created', version: 21 } } },
    });
    expect((await http.post(`/v1/runs/${runId}/annotate`, { tags: { 'tag-0-0': 'y' } })).body.version).toBe(22);
  });

  it('a step that nobody created is 404', async () => {
    const answer = await http.post(`/v1/runs/${runs.running}/steps/step_${'0'.repeat(32)}/start`);
    expect(answer).toMatchObject({ status: 404, body: { error: { code: 'step.not_found' } } });
  });

  it('a version that is not the one expected is 412 with the current one', async () => {
    const answer = await http.post(`/v1/runs/${runs.running}/complete`, {}, { 'if-match': '"1"' });
    expect(answer).toMatchObject({
      status: 412,
      body: { error: { code: 'run.version_mismatch', details: { current: 3 } } },
    });
  });

  it('is kept as a rejection, with event, reason and state, and changes nothing else', async () => {
    const before = await http.get(`/v1/runs/${runs.completed}`);
    const refused = await http.post(`/v1/runs/${runs.completed}/start`, { task_count: 3 });
    const eventId = refused.body.error.details.event_id;
    const [rejection] = (await http.get(`/v1/rejections?run_id=${runs.completed}`)).body.items;
    expect(rejection).toMatchObject({
      event_id: eventId,
      type: 'run.started',
      run_id: runs.completed,
      reason: 'run.invalid_transition',
      current: 'completed',
      version: 3,
      data: { run_id: runs.completed, task_count: 3 },
    });
    expect(await http.get(`/v1/events/${eventId}`)).toMatchObject({
      status: 200,
      body: { outcome: 'rejected', reason: 'run.invalid_transition', current: 'completed', event: null },
    });
    expect((await http.get(`/v1/runs/${runs.completed}`)).body).toEqual(before.body);
    expect((await http.get('/v1/rejections?reason=run.version_mismatch')).body.items).toHaveLength(1);
  });

  it('an event that nobody sent is 404 event.not_recorded, worth another try', async () => {
    const answer = await http.get('/v1/events/0198c000-0000-7000-8000-000000000000');
    expect(answer).toMatchObject({ status: 404, body: { error: { code: 'event.not_recorded', retryable: true } } });
  });
});

it('two clients that start one run at once: one 200, one 409, each time', async () => {
  const rounds = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const runId: string = (await http.post('/v1/runs', {})).body.run_id;
      const both = await Promise.all([1, 2].map(() => http.post(`/v1/runs/${runId}/start`)));
      return { runId, both: both.sort((a, b) => a.status - b.status) };
    }),
  );
  for (const { runId, both } of rounds) {
    expect(both[0]).toMatchObject({ status: 200, body: { run_id: runId, status: 'running', version: 2 } });
    expect(both[1]).toMatchObject({
      status: 409,
      body: { error: { code: 'run.invalid_transition', details: { current: 'running' } } },
    });
  }
});

it('a rebuilt fold of the journal equals the projections', async () => {
  expect(await stack.database.count('proj_runs')).toBeGreaterThan(40);
  expect(await rebuildFaults(stack.database)).toEqual([]);
});
