import { describe, expect, it } from '@jest/globals';
import { event, given, OTHER_STEP, STEP } from './spine.fixture.js';

const open = () => [event('run.created'), event('run.started')];

describe('a step', () => {
  it('is created pending, its place the run sequence of its creation', () => {
    const spine = given(
      ...open(),
      event('step.created', { step_id: OTHER_STEP }),
      event('step.created', { name: 'join', kind: 'sql', parent_step_id: OTHER_STEP, depends_on: [OTHER_STEP] }),
    );
    expect(spine.step()).toMatchObject({
      step_id: STEP,
      name: 'join',
      kind: 'sql',
      parent_step_id: OTHER_STEP,
      depends_on: [OTHER_STEP],
      attempt: 1,
      status: 'pending',
      created_sequence: 4,
      metrics: {},
    });
    expect(spine.step(OTHER_STEP)).toMatchObject({ created_sequence: 3, depends_on: [], parent_step_id: null });
    expect(spine.run.version).toBe(4);
  });

  it('runs and completes', () => {
    const step = given(
      ...open(),
      event('step.created'),
      event('step.inputs_resolved', { inputs: { n: 1 } }),
      event('step.started'),
      event('step.completed', { output: [1, 2] }),
    ).step();
    expect(step).toMatchObject({
      status: 'completed',
      inputs: { n: 1 },
      output: [1, 2],
      source: 'executed',
      duration_ms: 1000,
    });
  });

  it('completes from a checkpoint without having run', () => {
    const step = given(
      ...open(),
      event('step.created'),
      event('step.completed', { source: 'checkpoint', output: 7 }),
    ).step();
    expect(step).toMatchObject({
      status: 'completed',
      source: 'checkpoint',
      output: 7,
      started_at: null,
      duration_ms: null,
    });
    expect(step.ended_at).not.toBeNull();
  });

  it('fails before it started', () => {
    const step = given(...open(), event('step.created'), event('step.failed')).step();
    expect(step).toMatchObject({ status: 'failed', error: { message: 'broke' }, started_at: null, duration_ms: null });
  });

  it('is skipped for a reason', () => {
    const step = given(...open(), event('step.created'), event('step.skipped', { reason: 'not needed' })).step();
    expect(step).toMatchObject({ status: 'skipped', skip_reason: 'not needed', duration_ms: null });
  });

  it('takes the attempt of its start, and keeps its own where the start names none', () => {
    const started = (data: object) =>
      given(...open(), event('step.created', { attempt: 2 }), event('step.started', data));
    expect(started({}).step().attempt).toBe(2);
    expect(started({ attempt: 4 }).step().attempt).toBe(4);
  });

  it('begins anew by a higher attempt: what the failed one gave is gone, what its details counted stays', () => {
    const spine = given(
      ...open(),
      event('step.created'),
      event('step.inputs_resolved'),
      event('step.started'),
      event('step.provider_called'),
      event('step.failed', { metrics: { rows_in: 5 }, duration_ms: 3 }),
    );
    expect(spine.step()).toMatchObject({ duration_ms: 3, metrics: { rows_in: 5, llm_calls: 1 } });

    const failed = spine.step();
    spine.submit(event('step.started', { attempt: 2 }));
    expect(spine.step()).toMatchObject({
      status: 'running',
      attempt: 2,
      error: null,
      ended_at: null,
      duration_ms: null,
      output: null,
      own_metrics: {},
      inputs: failed.inputs,
    });
    expect(spine.step().metrics).toEqual({ llm_calls: 1 });
    expect(spine.step().started_at! > failed.started_at!).toBe(true);
  });

  it('takes details after it ended, and does not move by them', () => {
    const spine = given(...open(), event('step.created'), event('step.started'), event('step.completed'));
    const before = spine.step();
    spine.submit(event('step.provider_called'));
    expect({ ...spine.step(), last_event_id: '' }).toEqual({
      ...before,
      metrics: { llm_calls: 1 },
      detail_metrics: { llm_calls: 1 },
      last_event_id: '',
    });
  });

  it.each(['completed', 'failed', 'cancelled'] as const)(
    'that never said how it ended is unreported once its run is %s; the others stay what they are',
    (end) => {
      const ids = [1, 2, 3, 4, 5].map((n) => `step_${n.toString().padStart(32, '0')}`);
      const spine = given(...open(), ...ids.map((step_id) => event('step.created', { step_id })));
      spine.submit(event('step.started', { step_id: ids[1]! }));
      spine.submit(event('step.completed', { step_id: ids[2]!, source: 'checkpoint' }));
      spine.submit(event('step.failed', { step_id: ids[3]! }));
      spine.submit(event('step.skipped', { step_id: ids[4]! }));
      const before = spine.state.steps;

      spine.submit(event(`run.${end}`));
      expect(spine.state.steps.map((step) => step.status)).toEqual([
        'unreported',
        'unreported',
        'completed',
        'failed',
        'skipped',
      ]);
      expect(spine.state.steps.slice(2)).toEqual(before.slice(2));
      expect(spine.state.steps.every((step, index) => step.last_event_id === before[index]!.last_event_id)).toBe(true);
    },
  );
});
