import { afterEach, describe, expect, it } from '@jest/globals';
import { newEventId, newRunId } from '@runspine/contracts';
import { type RunningGateway, runGateway, untilReady } from './running-gateway.fixture.js';

/** Nobody listens on port 1. */
const NOBODY = '127.0.0.1:1';
const BATCH = { events: [{ type: 'run.started', data: {} }] };

describe('a gateway without one of its parts (real Kafka and PostgreSQL, no projector)', () => {
  let gateway: RunningGateway;
  afterEach(() => gateway.remove());

  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${gateway.address}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const readiness = async () => {
    const answer = await fetch(`${gateway.address}/health/ready`);
    const { checks } = (await answer.json()) as { checks: Record<string, { ok: boolean }> };
    return { status: answer.status, checks };
  };

  it('answers 503 with the event’s id while Kafka is away, and is unready', async () => {
    gateway = await runGateway(process.env, { KAFKA_BROKERS: NOBODY, RUNSPINE_SEND_MS: '300' });
    const eventId = newEventId();
    const answer = await post('/v1/runs', { event_id: eventId });

    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await answer.json()).toMatchObject({
      error: {
        code: 'event_spine.unavailable',
        retryable: true,
        details: { event_id: eventId, run_id: expect.stringMatching(/^run_/) },
      },
    });
    expect(await readiness()).toMatchObject({
      status: 503,
      checks: { producer: { ok: false }, feed: { ok: false }, postgres: { ok: true } },
    });
  });

  it('takes writes that do not wait while PostgreSQL is away; reads and checks that need it are 503', async () => {
    gateway = await runGateway(process.env, { DATABASE_URL: `postgres://${NOBODY}/none` });
    while (!(await readiness()).checks.feed?.ok) await new Promise((resolve) => setTimeout(resolve, 50));
    const batch = `/v1/runs/${newRunId('00000000')}/events`;
    const later = { Prefer: 'respond-async' };

    expect((await post('/v1/runs', {}, later)).status).toBe(202);
    expect((await post(batch, BATCH, later)).status).toBe(202);
    const refused = await post(batch, BATCH);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error: { code: 'store.unavailable' } });
    expect((await fetch(`${gateway.address}/v1/runs`)).status).toBe(503);
    expect(await readiness()).toMatchObject({
      status: 503,
      checks: { postgres: { ok: false }, producer: { ok: true } },
    });
  });

  it('answers 202 where to ask, once nobody has told the outcome in time', async () => {
    gateway = await runGateway(process.env);
    await untilReady(gateway);
    const answer = await post('/v1/runs', {}, { Prefer: 'wait=1' });
    const body = (await answer.json()) as { event_id: string };

    expect(answer.status).toBe(202);
    expect(answer.headers.get('preference-applied')).toBe('wait=1');
    expect(answer.headers.get('location')).toBe(`/v1/events/${body.event_id}`);
    expect(body).toEqual({ event_id: expect.any(String), run_id: expect.stringMatching(/^run_/), outcome: 'pending' });
  });

  it('answers what PostgreSQL tells at the end, although an earlier question is still open', async () => {
    gateway = await runGateway(process.env);
    await untilReady(gateway);
    const eventId = newEventId();
    const projector = await gateway.owner.connect();
    await projector.query('BEGIN');
    await projector.query('LOCK TABLE event_outcomes IN ACCESS EXCLUSIVE MODE');
    // Asked after 1 s, PostgreSQL has no answer for as long as the table is locked; the wait is over after 2 s.
    const answering = post('/v1/runs', { event_id: eventId }, { Prefer: 'wait=2' });
    await new Promise((resolve) => setTimeout(resolve, 2500));
    await projector.query(
      `INSERT INTO event_outcomes (tenant_id, event_id, hash, outcome, env, run_id, first_event_id, run_sequence, recorded_at)
       VALUES ('default', $1, '\\x00', 'applied', 'default', $2, $1, 1, now())`,
      [eventId, newRunId('00000000')],
    );
    await projector.query('COMMIT');
    projector.release();
    const answer = await answering;

    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ error: { code: 'event.id_reused' } });
  });

  it('drains: waits end with 202, new requests are turned away, and it stops in time', async () => {
    gateway = await runGateway(process.env);
    await untilReady(gateway);
    const waiting = post('/v1/runs', {}, { Prefer: 'wait=60' });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const fromMs = Date.now();
    const drained = gateway.drain();
    const turnedAway = await post('/v1/runs', {});

    expect(turnedAway.status).toBe(503);
    expect(await turnedAway.json()).toMatchObject({ error: { code: 'service.draining', retryable: true } });
    expect((await fetch(`${gateway.address}/health/live`)).status).toBe(200);
    expect((await readiness()).status).toBe(503);
    expect((await waiting).status).toBe(202);
    await drained;
    expect(Date.now() - fromMs).toBeLessThan(4000);
    await expect(fetch(`${gateway.address}/health/live`)).rejects.toThrow('fetch failed');
  });
});
