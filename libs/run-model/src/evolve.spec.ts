import { describe, expect, it } from '@jest/globals';
import { EVENT_DEFINITIONS, type EventType } from '@runspine/contracts';
import { affectsSteps, closeStep, endsRun } from './affected-steps.js';
import { evolve } from './evolve.js';
import { event, fold, given, OTHER_STEP } from './spine.fixture.js';

const types: EventType[] = EVENT_DEFINITIONS.map((definition) => definition.type);

describe('evolve', () => {
  it('throws for what no decision let through: an event without its run or step', () => {
    const { history, run } = given(
      event('run.created'),
      event('run.started'),
      event('step.created'),
      event('step.started'),
    );
    expect(() => evolve({ run: undefined, step: undefined }, history[1]!)).toThrow(/no run to fold into/);
    expect(() => evolve({ run, step: undefined }, history[3]!)).toThrow(/no step to fold into/);
    expect(() => fold(history.slice(1))).toThrow(/no run/);
  });

  it('says which steps an event moves', () => {
    const affected = (kind: string) => types.filter((type) => affectsSteps(type) === kind);
    expect(affected('addressed')).toEqual(types.filter((type) => type.startsWith('step.')));
    expect(affected('open')).toEqual(['run.completed', 'run.failed', 'run.cancelled']);
    expect(affected('open')).toEqual(types.filter(endsRun));
    expect(affected('all')).toEqual(['run.erased']);
  });

  it('closes open steps at a run’s end only, and gives any other back as it is', () => {
    const spine = given(event('run.created'), event('step.created'), event('step.created', { step_id: OTHER_STEP }));
    spine.submit(event('step.skipped', { step_id: OTHER_STEP }));
    const [open, skipped] = spine.state.steps;
    spine.submit(event('run.annotated'));
    expect(closeStep(open!, spine.last)).toBe(open);
    spine.submit(event('run.cancelled'));
    expect(closeStep(open!, spine.last)).toEqual({ ...open, status: 'unreported' });
    expect(closeStep(skipped!, spine.last)).toBe(skipped);
  });
});
