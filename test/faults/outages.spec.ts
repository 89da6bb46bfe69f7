import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Tracker } from '@runspine/client';
import type { ForeignEvent, ForeignProducer } from '../stack/foreign-producer.js';
import type { Answer } from '../stack/http-client.js';
import { chainFaults, rebuildFaults, sequenceFaults } from '../stack/journal.js';
import { pipelineRun } from '../stack/scenarios.js';
import { startStack, type Stack } from '../stack/stack.js';
import { pause, until } from '../stack/until.js';

let stack: Stack;
let team: ForeignProducer;

beforeAll(async () => {
  const settings = { RUNSPINE_BATCH_RECORDS: '20', RUNSPINE_SEND_MS: '2500' };
  stack = await startStack({ gateways: 1, proxied: true, settings });
  team = await stack.foreign();
});
afterAll(() => stack.close());

describe('while PostgreSQL is away', () => {
  it('the projector waits, and then goes on where it was, with nothing skipped', async () => {
    const events = manyRuns(150);
    const before = await stack.database.count('run_events');
    const sending = team.send(...events);
    // Cut at any point of a transaction, several times.
    for (let times = 1; times <= 8; times += 1) {
      const seen = await stack.database.count('run_events');
      await until('work', async () => (await stack.database.count('run_events')) > seen + 50);
      stack.postgresProxy!.cut();
      await pause(30 * times);
      stack.postgresProxy!.mend();
    }
    await sending;
    expect(await stack.database.count('run_events')).toBeLessThan(before + events.length);
    await stack.caughtUp();
    expect(stack.projectors[0]!.running).toBe(true);
    expect(await stack.database.count('run_events')).toBe(before + events.length);
    await expectSound();
  });

  it('the projector says that it is unready, and why', async () => {
    stack.postgresProxy!.cut();
    await team.send({ type: 'run.created', data: { run_id: team.runId() } });
    const { status, body } = await until('unreadiness', async () => {
      const readiness = await stack.projectors[0]!.readiness();
      return readiness.status === 503 && readiness;
    });
    expect(status).toBe(503);
    expect(JSON.parse(body)).toMatchObject({ checks: { postgres: { ok: false } } });
    stack.postgresProxy!.mend();
    await stack.projectors[0]!.ready();
    await stack.caughtUp();
  });

  it('a record that nobody can read is one dead letter, however often its batch is tried, and another when it is replayed', async () => {
    const good = team.record({ type: 'run.created', data: { run_id: team.runId() } });
    const letters = async () =>
      (await stack.read('deadLetter')).filter(({ headers }) => headers.ce_id === good.headers.ce_id);
    const projector = stack.projectors[0]!;
    const counted = await projector.metric('runspine_projector_dead_letters_total');
    const tries = () => projector.lines.filter(({ fields }) => fields.msg === 'Batch failed, tried again').length;
    const before = tries();
    stack.postgresProxy!.cut();
    await team.sendRecords([{ ...good, value: '{' }, good]);
    await until('four tries', () => tries() >= before + 4);
    stack.postgresProxy!.mend();
    await stack.caughtUp();
    const [letter, ...others] = await letters();
    expect(others).toEqual([]);
    expect(await projector.metric('runspine_projector_dead_letters_total')).toBe(counted + 1);

    await stack.rewind((partition, stored) => (partition === Number(letter!.headers.dl_partition) ? 0 : stored));
    await team.send({ type: 'run.started', data: { run_id: good.headers.ce_subject! } });
    await stack.caughtUp();
    expect(await letters()).toHaveLength(2);
  });

  it('the gateway takes writes that wait for nobody, and answers reads 503', async () => {
    const runId = await createdRun();
    stack.postgresProxy!.cut();
    const write = await stack.http().post(`/v1/runs/${runId}/start`, {}, { prefer: 'respond-async' });
    expect(write).toMatchObject({ status: 202, body: { outcome: 'pending', run_id: runId } });
    const read = await stack.http().get(`/v1/runs/${runId}`);
    expect(read).toMatchObject({ status: 503, body: { error: { code: 'store.unavailable', retryable: true } } });
    stack.postgresProxy!.mend();
    await outcomeOf(write.body.event_id);
    expect((await stack.http().get(`/v1/runs/${runId}`)).body).toMatchObject({ status: 'running', version: 2 });
  });

  it('a write that waits is answered 202 when its time is up, and its outcome comes later', async () => {
    const runId = await createdRun();
    stack.postgresProxy!.cut();
    const write = await stack.http().post(`/v1/runs/${runId}/start`, {}, { prefer: 'wait=1' });
    expect(write.status).toBe(202);
    stack.postgresProxy!.mend();
    expect(await outcomeOf(write.body.event_id)).toMatchObject({ outcome: 'applied', run_sequence: 2 });
  });
});

describe('while Kafka is away', () => {
  it('the gateway answers 503 event_spine.unavailable with the event id; the same key later has one effect', async () => {
    const key = { 'idempotency-key': 'once-around-an-outage' };
    const runId = await createdRun();
    stack.kafkaProxy!.cut();
    const refused: Answer[] = [];
    for (let tries = 0; tries < 3; tries += 1)
      refused.push(await stack.http().post(`/v1/runs/${runId}/start`, {}, key));
    for (const answer of refused) {
      expect(answer).toMatchObject({
        status: 503,
        body: { error: { code: 'event_spine.unavailable', retryable: true } },
      });
      expect(answer.body.error.details.event_id).toMatch(/^[0-9a-f-]{36}$/);
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    }
    stack.kafkaProxy!.mend();
    const answer = await until('Kafka to take the write', async () => {
      const again = await stack.http().post(`/v1/runs/${runId}/start`, {}, key);
      return again.status !== 503 && again;
    });
    expect(answer).toMatchObject({ status: 200, body: { status: 'running', version: 2 } });
    await stack.caughtUp();
    expect(await stack.database.count('run_events', 'run_id = $1', [runId])).toBe(2);
  });

  it('calls nothing pending that Kafka has not, where the caller waits less than the send may take', async () => {
    const runId = await createdRun();
    stack.kafkaProxy!.cut();
    const events = [{ type: 'run.started', data: {} }];
    const brief = { prefer: 'respond-async, wait=1' };
    const answers = await Promise.all([
      stack.http().post('/v1/runs', {}, brief),
      stack.http().post(`/v1/runs/${runId}/start`, {}, { prefer: 'wait=1' }),
      stack.http().post(`/v1/runs/${runId}/events`, { events }, brief),
    ]);
    stack.kafkaProxy!.mend();
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 503, body: { error: { code: 'event_spine.unavailable' } } });
      expect(answer.body.error.details.event_id).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('a tracker keeps what it could not send, and sends it afterwards', async () => {
    const logger = { warn: () => undefined };
    const tracker = new Tracker({ address: stack.gateways[0]!.address, spoolDir: false, codeRef: 'v1', logger });
    stack.kafkaProxy!.cut();
    const runId = await tracker.trackRun({}, (run) => run.id);
    expect(await tracker.flush()).toBe(false);
    expect(tracker.stats).toMatchObject({ sent: 0, dropped: 0 });
    stack.kafkaProxy!.mend();
    await until('Kafka to take the run', () => tracker.flush());
    await tracker.close();
    await stack.caughtUp();
    expect((await stack.http().get(`/v1/runs/${runId}`)).body).toMatchObject({ status: 'completed' });
  });

  it('what was answered 503 can be sent again with its event id, too', async () => {
    const runId = await createdRun();
    stack.kafkaProxy!.cut();
    const refused = await stack.http().post(`/v1/runs/${runId}/start`);
    expect(refused.status).toBe(503);
    stack.kafkaProxy!.mend();
    const { event_id } = refused.body.error.details;
    const answer = await until('Kafka to take the write', async () => {
      const again = await stack.http().post(`/v1/runs/${runId}/start`, { event_id });
      return again.status !== 503 && again;
    });
    expect(answer).toMatchObject({ status: 200, body: { version: 2 } });
    await stack.caughtUp();
    expect(await stack.database.count('run_events', 'run_id = $1', [runId])).toBe(2);
  });

  it('reads answer; both services come back by themselves, with nothing skipped', async () => {
    const runId = await createdRun();
    const events = manyRuns(100);
    const before = await stack.database.count('run_events');
    const sending = team.send(...events);
    await until('work', async () => (await stack.database.count('run_events')) > before + 50);
    stack.kafkaProxy!.cut();
    await sending;
    expect((await stack.http().get(`/v1/runs/${runId}`)).status).toBe(200);
    expect(await stack.database.count('run_events')).toBeLessThan(before + events.length);
    stack.kafkaProxy!.mend();
    await stack.caughtUp();
    expect(await stack.database.count('run_events')).toBe(before + events.length);
    await Promise.all([stack.gateways[0]!.ready(), stack.projectors[0]!.ready()]);
    expect(await stack.http().post(`/v1/runs/${runId}/start`)).toMatchObject({ status: 200 });
    await expectSound();
  });
});

function manyRuns(runs: number): ForeignEvent[] {
  return Array.from({ length: runs }, (_, index) => pipelineRun(team, `room-${index % 20}`, 3)).flat();
}

async function createdRun(): Promise<string> {
  const answer = await stack.http().post('/v1/runs', { name: 'before the outage' });
  expect(answer.status).toBe(201);
  return answer.body.run_id as string;
}

function outcomeOf(eventId: string): Promise<Answer['body']> {
  return until('the outcome', async () => {
    const answer = await stack.http().get(`/v1/events/${eventId}`);
    return answer.status === 200 && answer.body;
  });
}

async function expectSound(): Promise<void> {
  expect(await sequenceFaults(stack.database)).toEqual([]);
  expect(await rebuildFaults(stack.database)).toEqual([]);
  expect(await chainFaults(stack.database, stack.journalKey)).toEqual([]);
  expect(await stack.database.count('rejections')).toBe(0);
}
