import { describe, expect, it } from '@jest/globals';
import { Run, RunResource, StepResource } from '@runspine/contracts';
import { Compile } from 'typebox/compile';
import { runOf, runResource, stepResource } from './resource.js';
import { event, given } from './spine.fixture.js';

const spine = () => given(event('run.created', { stale_after_s: 10 }), event('run.started'), event('step.created'));

describe('resources', () => {
  it('are the contract’s fields and nothing of the bookkeeping', () => {
    const { run, state } = spine();
    expect(Object.keys(runOf(run)).sort()).toEqual(Object.keys(Run.properties).sort());
    expect(Object.keys(runResource(run, 0)).sort()).toEqual(Object.keys(RunResource.properties).sort());
    expect(Object.keys(stepResource(state.steps[0]!)).sort()).toEqual(Object.keys(StepResource.properties).sort());
    expect(run).toMatchObject(runOf(run));
    expect(Compile(RunResource).Check(runResource(run, 0))).toBe(true);
    expect(Compile(StepResource).Check(stepResource(state.steps[0]!))).toBe(true);
  });

  it('read stalled after as much silence as the run allows, while it is open', () => {
    const { run } = spine();
    const seenMs = Date.parse(run.last_seen_at);
    expect(runResource(run, seenMs + 9_999).stalled).toBe(false);
    expect(runResource(run, seenMs + 10_000).stalled).toBe(true);
    expect(runResource(run, seenMs - 5_000).stalled).toBe(false);

    const ended = given(event('run.created'), event('run.cancelled')).run;
    expect(runResource(ended, seenMs + 1e9).stalled).toBe(false);
  });
});
