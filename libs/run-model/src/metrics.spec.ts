import { describe, expect, it } from '@jest/globals';
import { event, given, OTHER_STEP, type Spine } from './spine.fixture.js';

const running = () => given(event('run.created'), event('run.started'), event('step.created'), event('step.started'));

function after(spine: Spine, ...events: ReturnType<typeof event>[]): Spine {
  for (const each of events) expect(spine.submit(each)).toEqual({ kind: 'apply' });
  return spine;
}

const responded = (data: object) => event('step.provider_responded', data);

describe('totals of a step', () => {
  it('sum its details: calls, and tokens by their halves, else by all that were used', () => {
    const step = after(
      running(),
      event('step.provider_called'),
      event('step.provider_called'),
      responded({ tokens_in: 10, tokens_out: 4, tokens_used: 999 }),
      responded({ tokens_used: 6 }),
      responded({ tokens_out: 1 }),
      responded({}),
    ).step();
    expect(step.metrics).toEqual({ llm_calls: 2, tokens: 21, tokens_in: 10, tokens_out: 5 });
  });

  it('are its own, a field at a time, where it gave them', () => {
    const step = after(
      running(),
      event('step.provider_called'),
      responded({ tokens_used: 6 }),
      event('step.completed', { metrics: { llm_calls: 9, rows_out: 0, cost_usd: 0.5 } }),
    ).step();
    expect(step.metrics).toEqual({ llm_calls: 9, tokens: 6, rows_out: 0, cost_usd: 0.5 });
  });

  it.each([
    [
      { tokens: 50, tokens_in: 1, tokens_out: 1 },
      { tokens: 50, tokens_in: 1, tokens_out: 1 },
    ],
    [
      { tokens_in: 2, tokens_out: 3 },
      { tokens: 5, tokens_in: 2, tokens_out: 3 },
    ],
    [{ tokens_out: 3 }, { tokens: 13, tokens_in: 10, tokens_out: 3 }],
    [{ tokens_in: 2 }, { tokens: 9, tokens_in: 2, tokens_out: 7 }],
    [{ tokens: 1 }, { tokens: 1, tokens_in: 10, tokens_out: 7 }],
    [{}, { tokens: 17, tokens_in: 10, tokens_out: 7 }],
  ])('given %j beside details of 10 in, 7 out: %j', (metrics, expected) => {
    const spine = after(running(), responded({ tokens_in: 10, tokens_out: 7 }), event('step.completed', { metrics }));
    expect(spine.step().metrics).toEqual(expected);
  });

  it('hold no fields but the known ones, and none that nobody gave', () => {
    const spine = after(running(), event('step.completed', { metrics: { rows_in: 1, latency: 4, note: 'x' } }));
    expect(spine.step().metrics).toEqual({ rows_in: 1 });
    expect(spine.run.metrics).toEqual({ rows_in: 1 });
  });
});

describe('totals of a run', () => {
  it('sum over its steps as they go, details and ends alike', () => {
    const spine = after(
      running(),
      responded({ tokens_used: 6 }),
      event('step.created', { step_id: OTHER_STEP }),
      event('step.completed', { step_id: OTHER_STEP, source: 'checkpoint', metrics: { tokens: 4, rows_in: 3 } }),
    );
    expect(spine.run.metrics).toEqual({ tokens: 10, rows_in: 3 });
    after(spine, event('step.completed', { metrics: { tokens: 1, rows_in: 2 } }));
    expect(spine.run.metrics).toEqual({ tokens: 5, rows_in: 5 });
  });

  it('are its own, a field at a time, where it gave them', () => {
    const spine = after(
      running(),
      event('step.completed', { metrics: { tokens: 4, rows_in: 3 } }),
      event('run.completed', { metrics: { tokens: 100 } }),
    );
    expect(spine.run.metrics).toEqual({ tokens: 100, rows_in: 3 });
    expect(spine.run.step_metrics).toEqual({ tokens: 4, rows_in: 3 });
  });

  it('stay when it is cancelled', () => {
    const spine = after(running(), event('step.provider_called'), event('run.cancelled'));
    expect(spine.run.metrics).toEqual({ llm_calls: 1 });
  });

  it('take back what a failed attempt gave, exactly, money too', () => {
    const spine = after(
      running(),
      event('step.created', { step_id: OTHER_STEP }),
      event('step.completed', { step_id: OTHER_STEP, source: 'checkpoint', metrics: { cost_usd: 0.1 } }),
      event('step.failed', { metrics: { cost_usd: 0.2, rows_in: 7 } }),
    );
    expect(spine.run.metrics).toEqual({ cost_usd: 0.3, rows_in: 7 });
    after(spine, event('step.started', { attempt: 2 }));
    expect(spine.run.metrics).toEqual({ cost_usd: 0.1, rows_in: 0 });
  });
});
