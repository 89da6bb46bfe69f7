import { describe, expect, it } from '@jest/globals';
import { isStepEventType, type EventType, type RunEventType, type StepEventType } from '@runspine/contracts';
import { event, given, OTHER_STEP, RUN, type Spine, STEP } from './spine.fixture.js';

const created = () => event('run.created');
const running = () => [created(), event('run.started')];

const RUNS: Record<string, () => Spine> = {
  none: () => given(),
  created: () => given(created()),
  running: () => given(...running()),
  completed: () => given(...running(), event('run.completed')),
  failed: () => given(...running(), event('run.failed')),
  cancelled: () => given(...running(), event('run.cancelled')),
};

const STEPS: Record<string, () => Spine> = {
  none: () => given(...running()),
  pending: () => given(...running(), event('step.created')),
  running: () => given(...running(), event('step.created'), event('step.started')),
  completed: () => given(...running(), event('step.created'), event('step.started'), event('step.completed')),
  failed: () => given(...running(), event('step.created'), event('step.started'), event('step.failed')),
  skipped: () => given(...running(), event('step.created'), event('step.skipped')),
};

const ok = 'apply';
const notFound = 'run.not_found null';
const refused = (by: string) => `run.invalid_transition ${by}`;
const stepRefused = (by: string) => `step.invalid_transition ${by}`;
const openOnly = [notFound, ok, ok, refused('completed'), refused('failed'), refused('cancelled')];

/** What becomes of each event in the states none, created, running, completed, failed, cancelled. */
const OF_RUNS: Record<RunEventType, string[]> = {
  'run.created': [ok, ...['created', 'running', 'completed', 'failed', 'cancelled'].map((by) => `run.exists ${by}`)],
  'run.started': [notFound, ok, ...['running', 'completed', 'failed', 'cancelled'].map(refused)],
  'run.completed': [notFound, refused('created'), ok, ...['completed', 'failed', 'cancelled'].map(refused)],
  'run.failed': openOnly,
  'run.cancelled': openOnly,
  'run.heartbeat': openOnly,
  'run.annotated': [notFound, ok, ok, ok, ok, ok],
  'run.erased': [notFound, ok, ok, ok, ok, ok],
};

const missing = 'step.not_found null';
const detail = [missing, ok, ok, ok, ok, ok];

/** What becomes of each event in a running run, in the step's states none, pending, running, completed, failed, skipped. */
const OF_STEPS: Record<StepEventType, string[]> = {
  'step.created': [ok, ...['pending', 'running', 'completed', 'failed', 'skipped'].map((by) => `step.exists ${by}`)],
  'step.started': [missing, ok, ...['running', 'completed', 'failed', 'skipped'].map(stepRefused)],
  'step.completed': [missing, stepRefused('pending'), ok, ...['completed', 'failed', 'skipped'].map(stepRefused)],
  'step.failed': [missing, ok, ok, ...['completed', 'failed', 'skipped'].map(stepRefused)],
  'step.skipped': [missing, ok, ...['running', 'completed', 'failed', 'skipped'].map(stepRefused)],
  'step.inputs_resolved': detail,
  'step.template_resolved': detail,
  'step.provider_called': detail,
  'step.provider_responded': detail,
  'step.schema_validated': detail,
  'step.retrieved': detail,
};

function outcomeOf(spine: Spine, ...args: Parameters<typeof event>): string {
  const decision = spine.submit(event(...args));
  return decision.kind === 'apply' ? ok : `${decision.reason} ${decision.current}`;
}

describe('every event in every state', () => {
  const rows = Object.entries(OF_RUNS).flatMap(([type, outcomes]) =>
    Object.keys(RUNS).map((state, index) => [type, state, outcomes[index]!] as const),
  );
  it.each(rows)('%s, of a run that is %s: %s', (type, state, expected) => {
    expect(outcomeOf(RUNS[state]!(), type as EventType)).toBe(expected);
  });

  const stepRows = Object.entries(OF_STEPS).flatMap(([type, outcomes]) =>
    Object.keys(STEPS).map((state, index) => [type, state, outcomes[index]!] as const),
  );
  it.each(stepRows)('%s, of a step that is %s: %s', (type, state, expected) => {
    expect(outcomeOf(STEPS[state]!(), type as EventType)).toBe(expected);
  });

  it.each(Object.keys(OF_STEPS))('%s is accepted in a run that did not start yet', (type) => {
    const steps = type === 'step.created' ? [] : [event('step.created')];
    if (type === 'step.completed') steps.push(event('step.started'));
    expect(outcomeOf(given(created(), ...steps), type as EventType)).toBe(ok);
  });

  it.each(Object.keys(OF_STEPS))('%s, without a run: run.not_found', (type) => {
    expect(outcomeOf(given(), type as EventType)).toBe(notFound);
  });

  const finished = Object.keys(OF_STEPS).flatMap((type) =>
    (['completed', 'failed', 'cancelled'] as const).map((status) => [type, status] as const),
  );
  it.each(finished)('%s, of an unreported step in a run that is %s: the run refuses', (type, status) => {
    const spine = given(...running(), event('step.created'), event(`run.${status}`));
    expect(spine.step().status).toBe('unreported');
    expect(outcomeOf(spine, type as EventType)).toBe(refused(status));
  });
});

describe('annotations of a run, added up', () => {
  const names = (from: number, count: number, value: unknown = 'x') =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`n${from + index}`, value]));
  const full = 'run.annotations_full running';

  it.each([
    ['tags', (from: number, count: number) => ({ tags: names(from, count) })],
    ['metadata', (from: number, count: number) => ({ metadata: names(from, count) })],
    [
      'scores',
      (from: number, count: number) => ({
        scores: Object.keys(names(from, count)).map((name) => ({ name, value: 1 })),
      }),
    ],
  ])('are at most 1,000 names of %s, of which each may have another value at any time', (_, data) => {
    const spine = given(...running(), event('run.annotated', data(0, 999)));

    expect(outcomeOf(spine, 'run.annotated', data(999, 2))).toBe(full);
    expect(outcomeOf(spine, 'run.annotated', data(999, 1))).toBe(ok);
    expect(outcomeOf(spine, 'run.annotated', data(1000, 1))).toBe(full);
    expect(outcomeOf(spine, 'run.annotated', data(0, 1000))).toBe(ok);
    expect(outcomeOf(spine, 'run.completed')).toBe(ok);
  });

  it('are at most 1 MiB', () => {
    const spine = given(...running());
    const added = (from: number, length: number) =>
      outcomeOf(spine, 'run.annotated', { metadata: names(from, 1, 'ü'.repeat(length)) });

    expect([0, 1, 2, 3].map((from) => added(from, 120_000))).toEqual([ok, ok, ok, ok]);
    expect([added(4, 120_000), added(4, 40_000), added(3, 1), added(5, 100_000)]).toEqual([full, ok, ok, ok]);
  });
});

describe('the special moves of a step', () => {
  it('completes from pending by a checkpoint only', () => {
    const pending = () => given(...running(), event('step.created'));
    expect(outcomeOf(pending(), 'step.completed', { source: 'executed' })).toBe(stepRefused('pending'));
    expect(outcomeOf(pending(), 'step.completed', { source: 'checkpoint' })).toBe(ok);
  });

  it('does not complete again by a checkpoint', () => {
    expect(outcomeOf(STEPS['failed']!(), 'step.completed', { source: 'checkpoint' })).toBe(stepRefused('failed'));
  });

  it.each([
    [undefined, stepRefused('failed')],
    [1, stepRefused('failed')],
    [2, stepRefused('failed')],
    [3, ok],
    [9, ok],
  ])('after a failed attempt 2, a start with attempt %s: %s', (attempt, expected) => {
    const failed = given(...running(), event('step.created', { attempt: 2 }), event('step.failed'));
    expect(outcomeOf(failed, 'step.started', attempt === undefined ? {} : { attempt })).toBe(expected);
  });

  it.each([
    [undefined, ok],
    [1, stepRefused('pending')],
    [2, ok],
    [5, ok],
  ])('pending with attempt 2, a start with attempt %s: %s', (attempt, expected) => {
    const pending = given(...running(), event('step.created', { attempt: 2 }));
    expect(outcomeOf(pending, 'step.started', attempt === undefined ? {} : { attempt })).toBe(expected);
  });
});

describe('the order of checks', () => {
  const wrong = { expectedversion: 99 };
  const elsewhere = { env: 'staging' };
  const ended = () => given(...running(), event('step.created'), event('run.completed'));

  it('run.exists comes before the version, and names no state of another env', () => {
    expect(outcomeOf(RUNS['running']!(), 'run.created', {}, wrong)).toBe('run.exists running');
    expect(outcomeOf(RUNS['running']!(), 'run.created', {}, elsewhere)).toBe('run.exists null');
  });

  it('a run of another env or tenant is not found, whatever else is wrong', () => {
    expect(outcomeOf(ended(), 'step.started', { step_id: OTHER_STEP }, { ...elsewhere, ...wrong })).toBe(notFound);
    expect(outcomeOf(ended(), 'run.started', {}, { tenantid: 'other' })).toBe(notFound);
  });

  it('step.not_found comes before the version and a finished run', () => {
    expect(outcomeOf(ended(), 'step.started', { step_id: OTHER_STEP }, wrong)).toBe(missing);
  });

  it('the version comes before a finished run and names the run’s state', () => {
    expect(outcomeOf(ended(), 'step.started', {}, wrong)).toBe('run.version_mismatch completed');
    expect(outcomeOf(RUNS['running']!(), 'run.started', {}, wrong)).toBe('run.version_mismatch running');
    expect(outcomeOf(RUNS['running']!(), 'run.heartbeat', {}, wrong)).toBe('run.version_mismatch running');
  });

  it('a finished run comes before step.exists, and that before the step’s state', () => {
    expect(outcomeOf(ended(), 'step.created')).toBe(refused('completed'));
    expect(outcomeOf(STEPS['completed']!(), 'step.created')).toBe('step.exists completed');
  });

  it('the version is the run sequence: steps count, heartbeats and refusals do not', () => {
    const spine = given(...running(), event('step.created'), event('run.heartbeat'));
    expect(outcomeOf(spine, 'run.started')).toBe(refused('running'));
    expect(outcomeOf(spine, 'run.completed', {}, { expectedversion: 2 })).toBe('run.version_mismatch running');
    expect(outcomeOf(spine, 'run.completed', {}, { expectedversion: 3 })).toBe(ok);
    expect(spine.run.version).toBe(4);
  });

  it('a run that does not exist yet has version 0', () => {
    expect(outcomeOf(given(), 'run.created', {}, { expectedversion: 1 })).toBe('run.version_mismatch null');
    expect(outcomeOf(given(), 'run.created', {}, { expectedversion: 0 })).toBe(ok);
  });
});

it('the tables name every type there is', () => {
  const types = [...Object.keys(OF_RUNS), ...Object.keys(OF_STEPS)];
  expect(types.filter(isStepEventType)).toHaveLength(11);
  expect(types).toHaveLength(19);
  expect([RUN, STEP].map((id) => id.length)).toEqual([36, 37]);
});
