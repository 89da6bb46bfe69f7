import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ClientFixture, RUN } from '../client.fixture.js';
import { fail, json } from '../gateway.fixture.js';

let at: ClientFixture;

beforeEach(async () => {
  at = await ClientFixture.start();
});

afterEach(() => at.gateway.die());

describe('writes that are not known in time', () => {
  const pending = (response: ServerResponse) =>
    json(response, 202, { event_id: 'e1', run_id: RUN, step_id: 's1', outcome: 'pending' });

  it('are followed until they are applied', async () => {
    at.answer(
      pending,
      (response) => fail(response, 404, 'event.not_recorded'),
      (response) => json(response, 200, { outcome: 'applied' }),
      (response) => json(response, 200, { run_id: RUN, status: 'running' }),
    );
    expect(await at.client.runs.start(RUN)).toMatchObject({ status: 'running' });
    expect(at.gateway.requests.map(({ path }) => path)).toEqual([
      `/v1/runs/${RUN}/start`,
      '/v1/events/e1',
      '/v1/events/e1',
      `/v1/runs/${RUN}`,
    ]);
  });

  it('throw when they are refused, or not known at all', async () => {
    at.answer(pending, (response) =>
      json(response, 200, { outcome: 'rejected', reason: 'run.invalid_transition', current: 'failed' }),
    );
    await expect(at.client.runs.complete(RUN)).rejects.toMatchObject({
      code: 'run.invalid_transition',
      status: 409,
      details: { current: 'failed' },
    });
    at.answer(pending, (response) => json(response, 200, { outcome: 'parked', reason: null }));
    await expect(at.client.runs.cancel(RUN)).rejects.toMatchObject({ code: 'event.parked', status: 422 });
    at.answer(pending, (response) => fail(response, 404, 'event.not_recorded'));
    await expect(at.client.runs.fail(RUN, { error: { message: 'x' } }, { timeoutMs: 150 })).rejects.toMatchObject({
      code: 'client.outcome_pending',
      details: { event_id: 'e1', run_id: RUN },
    });
    at.answer(pending, (response) => fail(response, 403, 'auth.forbidden'));
    await expect(at.client.runs.heartbeat(RUN)).rejects.toMatchObject({ code: 'auth.forbidden' });
  });

  it('find the step that was written', async () => {
    at.answer(
      pending,
      (response) => json(response, 200, { outcome: 'applied' }),
      (response) => json(response, 200, { items: [{ step_id: 's0' }, { step_id: 's1' }], next_cursor: null }),
    );
    expect(await at.client.steps.create(RUN, { name: 'x' })).toEqual({ step_id: 's1' });
    at.answer(
      pending,
      (response) => json(response, 200, { outcome: 'applied' }),
      (response) => json(response, 200, { items: [], next_cursor: null }),
    );
    await expect(at.client.steps.complete(RUN, 's1')).rejects.toMatchObject({ code: 'step.not_found' });
  });
});
