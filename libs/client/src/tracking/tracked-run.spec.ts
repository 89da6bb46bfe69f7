import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { currentRun } from './run-context.js';
import { setDefaultTracker, trackRun, trackStage, trackTask } from './track.js';
import { TrackerFixture } from './tracker.fixture.js';

let at: TrackerFixture;

beforeEach(async () => {
  at = await TrackerFixture.start();
});

afterEach(() => at.remove());

describe('trackStage', () => {
  it('hands the run on to what is called, so that stages inside become children', async () => {
    const tracking = at.tracker();
    setDefaultTracker(tracking);
    const ids: string[] = [];
    await trackRun({ name: 'pipeline', room: 'kitchen' }, async (outer) => {
      ids.push(outer.id);
      await Promise.all(
        ['a', 'b'].map((stage) =>
          trackStage({ stage }, async (inner) => {
            await new Promise((resolve) => setTimeout(resolve, 5));
            expect(currentRun()).toBe(inner);
            ids.push(inner.id);
          }),
        ),
      );
      await trackTask('tidy', () => expect(currentRun()).toBe(outer));
    });
    setDefaultTracker(undefined);
    await tracking.flush();

    expect(currentRun()).toBeUndefined();
    const created = at.gateway.events.filter(({ type }) => type === 'run.created').map(({ data }) => data);
    expect(created.filter(({ parent_run_id: parent }) => parent === ids[0])).toHaveLength(2);
    expect(new Set(created.map(({ room_id: room }) => room))).toEqual(new Set(['kitchen']));
    expect(new Set(ids.map((id) => id.slice(16, 24))).size).toBe(1);
    const correlations = at.gateway.requests.map(({ headers }) => headers['x-correlation-id']).filter(Boolean);
    expect(new Set(correlations)).toEqual(new Set([ids[0]]));
  });

  it('records tasks with what they receive, give and throw, and their parents', async () => {
    const tracking = at.tracker();
    const error = new Error('bad');
    await tracking.trackRun({ name: 'r', taskCount: 3 }, async (run) => {
      await run.task({ name: 'outer', inputs: { x: 1 }, kind: 'tool' }, () => run.task('inner', () => 2));
      await run.task('inner', () => 3);
      await expect(run.task('broken', () => Promise.reject(error))).rejects.toBe(error);
      run.annotate({ tags: { a: 'b' }, scores: [{ name: 'q', value: 1 }], metadata: { m: 1 } });
      run.heartbeat();
    });
    await tracking.flush();

    const steps = at.gateway.events.filter(({ type }) => type === 'step.created').map(({ data }) => data);
    expect(steps.map(({ name }) => name)).toEqual(['outer', 'inner', 'inner', 'broken']);
    expect(steps[1]!.parent_step_id).toBe(steps[0]!.step_id);
    expect(at.gateway.events.find(({ type }) => type === 'step.inputs_resolved')!.data.inputs).toEqual({ x: 1 });
    expect(at.gateway.events.find(({ type }) => type === 'step.failed')!.data.error).toMatchObject({ message: 'bad' });
    expect(at.gateway.events.find(({ type }) => type === 'run.started')!.data.task_count).toBe(3);
    expect(at.gateway.events.find(({ type }) => type === 'run.annotated')!.data).toMatchObject({ tags: { a: 'b' } });
    expect(at.gateway.events.at(-1)!.type).toBe('run.completed');
  });

  it('tells a task which step it is, once the gateway has it, so that a query can name it', async () => {
    const tracking = at.tracker({ batchMs: 60_000 });
    const seen: string[] = [];
    await tracking.trackRun({ name: 'r' }, async (run) => {
      for (let attempt = 0; attempt < 2; attempt++) {
        await run.task({ name: 'research', id: 'research' }, async (task) => {
          const step = await task.step();
          expect(step).toEqual({ run_id: run.id, step_id: task.stepId });
          expect(at.gateway.events.filter(({ type }) => type === 'step.started')).toHaveLength(attempt + 1);
          seen.push(task.stepId);
        });
      }
    });
    const created = at.gateway.events.filter(({ type }) => type === 'step.created').map(({ data }) => data.step_id);
    expect([created, seen]).toEqual([[seen[0]], [seen[0], seen[0]]]);

    const off = at.tracker({ enabled: false });
    await off.trackRun({}, (run) => run.task('t', async (task) => expect(await task.step()).toEqual({})));
    await at.gateway.die();
    await tracking.trackRun({}, (run) => run.task('t', async (task) => expect(await task.step()).toEqual({})));
  });
});
