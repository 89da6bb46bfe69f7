import { describe, expect, it } from '@jest/globals';
import { event, given, OTHER_STEP, STEP } from './spine.fixture.js';

describe('what led to an event', () => {
  it('is the run’s previous run event for run events, the step’s previous event for step events', () => {
    const created = event('run.created');
    const started = event('run.started');
    const stepCreated = event('step.created');
    const otherCreated = event('step.created', { step_id: OTHER_STEP });
    const stepStarted = event('step.started');
    const annotated = event('run.annotated');
    const stepCompleted = event('step.completed');
    const completed = event('run.completed');
    const spine = given(
      created,
      started,
      stepCreated,
      otherCreated,
      stepStarted,
      event('run.heartbeat'),
      annotated,
      stepCompleted,
      completed,
    );
    expect(spine.history.map((each) => [each.event_id, each.causation_id])).toEqual([
      [created.id, null],
      [started.id, created.id],
      [stepCreated.id, started.id],
      [otherCreated.id, started.id],
      [stepStarted.id, stepCreated.id],
      [annotated.id, started.id],
      [stepCompleted.id, stepStarted.id],
      [completed.id, annotated.id],
    ]);
  });

  it('is the producer’s word for run.created only; later words are kept beside', () => {
    const spine = given(
      event('run.created', {}, { causationid: 'order-1' }),
      event('run.started', {}, { causationid: 'order-2' }),
    );
    const [created, started] = spine.history;
    expect(created).toMatchObject({ causation_id: 'order-1', producer_causation_id: 'order-1' });
    expect(started).toMatchObject({ causation_id: created!.event_id, producer_causation_id: 'order-2' });
  });

  it('is not what was refused', () => {
    const spine = given(event('run.created'), event('run.started'));
    spine.submit(event('run.started'));
    spine.submit(event('run.completed'));
    expect(spine.last.causation_id).toBe(spine.history[1]!.event_id);
  });
});

describe('correlation', () => {
  it('is the run’s own on every event: the producer’s at run.created', () => {
    const spine = given(
      event('run.created', {}, { correlationid: 'order-7' }),
      event('run.started', {}, { correlationid: 'mistaken' }),
      event('step.created'),
    );
    expect(spine.history.map((each) => each.correlation_id)).toEqual(['order-7', 'order-7', 'order-7']);
    expect(spine.history.map((each) => each.producer_correlation_id)).toEqual(['order-7', 'mistaken', null]);
  });

  it('is the id of run.created where nobody gave one', () => {
    const created = event('run.created');
    const spine = given(created, event('run.started', {}, { correlationid: 'late' }));
    expect(spine.history.map((each) => each.correlation_id)).toEqual([created.id, created.id]);
    expect(spine.run.correlation_id).toBe(created.id);
  });
});

it('project, surface and room are the run’s own, whatever a later producer says', () => {
  const spine = given(
    event('run.created', { room_id: 'room-a' }, { projectid: 'p1', surfaceid: 's1', traceparent: 'tp' }),
    event('step.created', {}, { projectid: 'p2', surfaceid: 's2' }),
    event('run.cancelled', { room_id: 'room-b' }, { projectid: 'p3' }),
  ).history;
  for (const each of spine) expect(each).toMatchObject({ project_id: 'p1', surface_id: 's1', room_id: 'room-a' });
  expect(spine.map((each) => each.step_id)).toEqual([null, STEP, null]);
  expect(spine.map((each) => each.traceparent)).toEqual(['tp', null, null]);
});
